/* What the web of a server needs to know of it: what is answered depends on this, and on nothing
 * else of the program. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "chat/chat.h"
#include "net/address_table.h"
#include "proto/ws/handshake.h"
#include "session/conn.h"
#include "web/gate.h"
#include "web/idempotency.h"
#include "web/password.h"

#define WEB_STATUS_MAX 505 /* the largest HTTP status that it sends */
#define WEB_BASE_MAX 128   /* bytes of the longest base path */

struct web {
    struct conns *conns;
    struct chat *chat;
    struct address_table addresses; /* of those who are or were members, and of kept seats */
    struct gate gate;               /* who may enter */
    struct password password;       /* by which people get a token */
    struct idempotency idempotency; /* what was answered to programs lately */
    struct ws_reader_limits echo_limits;
    struct ws_reader_limits echo_deflate_limits; /* where compression was agreed on */
    struct ws_reader_limits chat_limits;
    struct ws_reader_limits chat_deflate_limits;
    struct list later; /* answers that wait for later_tick */
    struct origin_list origins;
    const struct str *hosts; /* host_count names that the server has */
    size_t host_count;       /* 0: any */
    struct str base;         /* the path that everything is below: "/chat", or empty */
    size_t max_members;      /* WebSockets that may be open */
    uint64_t responses[WEB_STATUS_MAX + 1]; /* by status */
    uint64_t echoes;                        /* messages that the echo answered */
    struct log_flow refused_origins;
    bool is_verbatim; /* the echo adds nothing */
    bool has_deflate; /* it agrees on compression */
    bool is_stopping; /* the server ends */

    /* Sets the peer of a request: for whom it speaks. Returns NULL, or why the request cannot be
     * answered. */
    const char *(*realip)(struct conn *conn, const struct http_request *request);

    /* Why the server cannot do its work at the moment; NULL: it can. Sets *is_partial where that is
     * so for a part of the rooms alone. has_names: for operators, with addresses. */
    const char *(*ailment)(struct web *web, bool has_names, bool *is_partial);

    /* Appends the metrics. Returns 0, or -1 with errno ENOMEM. */
    int (*metrics)(struct buf *out, struct web *web);

    /* The same of the last minutes. */
    int (*past)(struct buf *out, struct web *web);
};

static inline struct web *web_of(const struct conn *conn)
{
    return conns_of(conn)->owner;
}

/* The connection no longer counts for its address: it is about to be freed, or became nothing. */
void web_leave_address(struct conn *conn);

#endif
