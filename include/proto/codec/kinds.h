/* The codecs one by one, for the table in codec.c. Everyone else goes through `codecs` in
 * proto/codec/codec.h. */
#ifndef PROTO_CODEC_KINDS_H
#define PROTO_CODEC_KINDS_H

struct codec;

extern const struct codec codec_text;
extern const struct codec codec_v1;

#endif
