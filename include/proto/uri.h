/* The parts of RFC 3986 that a server meets: characters, percent-encoding, host and port. */
#ifndef PROTO_URI_H
#define PROTO_URI_H

#include <stdbool.h>

#include "base/str.h"

/* Value of a hexadecimal digit, or -1. */
int uri_hex_value(char c);

/* Path characters: pchar and "/", every "%" followed by two hexadecimal digits. May be empty. */
bool uri_path_is_valid(struct str path);

/* Query characters (3.4): as in a path, and "?". */
bool uri_query_is_valid(struct str query);

/* Reads the path below which a site lives: "/", or segments of unreserved characters (2.3), none of
 * them "." or "..", with or without a slash at the end. *base: the path without that slash, so
 * empty for "/". Returns false for anything else. */
bool uri_base_read(struct str *base, struct str text);

/* Takes `uri-host [ ":" port ]` apart (RFC 3986, 3.2; RFC 9110, 7.2). *host: the host with the
 * brackets of an IPv6 address, never empty. *port: its digits, maybe none ("host:"); ptr is NULL
 * where there is no colon. Returns false for anything else: userinfo, a blank, a bad escape, a port
 * over 65535. IPvFuture and zone identifiers are refused too, for nobody could connect to them. */
bool uri_authority_parse(struct str authority, struct str *host, struct str *port);

#endif
