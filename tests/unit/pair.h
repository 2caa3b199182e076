/* Two ends of a connection, for tests of streams. */
#ifndef TESTS_UNIT_PAIR_H
#define TESTS_UNIT_PAIR_H

/* TCP over the loopback. Returns the accepted end, which does not block, and sets *peer to the
 * other one, which waits for at most 20 s. */
int pair_tcp(int *peer);

/* The same by unix sockets; neither end blocks. */
int pair_unix(int *peer);

/* Closes an end of TCP with RST. */
void pair_reset(int fd);

#endif
