/* The wires one by one, for the table in wire.c. Everyone else goes through `wires` in
 * proto/wire.h. */
#ifndef PROTO_WIRE_KINDS_H
#define PROTO_WIRE_KINDS_H

#include "proto/wire.h"

extern const struct wire wire_text;
extern const struct wire wire_v1;

#endif
