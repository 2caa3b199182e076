/* Seats, from one process to the next. Channels come between the two halves,
 * because members are named by their seats, and who waits to enter by the room that it wants. */
#ifndef CHAT_SEAT_HAND_H
#define CHAT_SEAT_HAND_H

#include "chat/core.h"

/* A seat, by the number that the connection on it is handed over with. */
uint32_t chat_hand_seat(const struct chat *chat, const struct client *client);

/* The connection of that seat, whose queue was taken before and has no ring yet, carries it on or
 * waits for it on. NULL: that makes no sense. */
struct client *chat_take_seat(struct hand_reader *r, struct chat *chat, uint32_t number,
                              struct sendq *out);

/* ---- for chat/hand.c alone ---- */

/* The places of the table, as records of this type. */
void seats_hand(struct hand_writer *w, uint16_t type, const struct chat *chat);
void seats_take(struct hand_reader *r, uint16_t type, struct chat *chat);

/* The seat at a place that was read; NULL: there is none. */
struct client *seat_taken(struct hand_reader *r, const struct chat *chat, uint32_t place);

/* Who waits to enter, and for what the seats wait, as records of this type. */
void seats_hand_waiting(struct hand_writer *w, uint16_t type, const struct chat *chat);
void seats_take_waiting(struct hand_reader *r, uint16_t type, struct chat *chat);

/* Is each seat that was taken over as a seat may be, and has the connection that it must have? */
bool seats_are_whole(struct hand_reader *r, const struct chat *chat);

#endif
