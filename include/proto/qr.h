/* QR codes (ISO/IEC 18004:2015), for addresses that phones shall open: bytes, level L, versions 1
 * to 10. */
#ifndef PROTO_QR_H
#define PROTO_QR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define QR_TEXT_MAX 271 /* bytes that version 10-L holds */
#define QR_SIDE_MAX 57  /* modules of a side of version 10 */

struct qr {
    int side;                                 /* modules */
    uint8_t dark[QR_SIDE_MAX * QR_SIDE_MAX];  /* row by row, `side` in each */
    uint8_t fixed[QR_SIDE_MAX * QR_SIDE_MAX]; /* of the pattern itself: no data, never masked */
};

/* Makes the smallest code for a text. Returns 0, or -1 where it is empty or too long. */
int qr_encode(struct qr *qr, struct str text);

/* Appends it as an SVG image with the quiet zone around it (9.1: four modules), dark on light.
 * Returns 0, or -1 without memory. */
int qr_write_svg(struct buf *out, const struct qr *qr);

/* Appends it for a terminal, two rows of modules in a line of text, light on dark by colours of
 * its own. Returns 0, or -1 without memory. */
int qr_write_terminal(struct buf *out, const struct qr *qr);

#endif
