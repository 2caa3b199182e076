/* A request of the HTTP API that was let in, and how it is answered: with JSON; errors are problem
 * details (RFC 9457). */
#ifndef WEB_API_CALL_H
#define WEB_API_CALL_H

#include "proto/codec/codec.h"
#include "web/answer.h"
#include "web/gate.h"

/* What a request of the API is about. */
enum api_route {
    API_ROOMS,    /* /api/rooms */
    API_MEMBERS,  /* /api/rooms/{room}/members */
    API_MEMBER,   /* /api/rooms/{room}/members/{id} */
    API_MESSAGES, /* /api/rooms/{room}/messages */
    API_EVENTS,   /* /api/rooms/{room}/events */
    API_MANY,     /* /api/messages */
    API_BANS,     /* /api/bans */
    API_BAN,      /* /api/bans/{ban} */
    API_PASSWORD, /* /api/password, which needs no token */
    API_ROUTES,   /* none of these */
};

/* Who is to be answered, and how: may be kept with a http_wait. */
struct api_reply {
    struct answer answer;
    struct str origin;      /* whose pages may read the answer: an origin or "*"; empty: none.
                               Lives as long as the options. */
    bool takes_credentials; /* ... also of a request with cookies */
};

/* A request that was let in. */
struct api_call {
    struct api_reply reply;
    const struct http_request *request;
    struct visitor visitor;
    enum api_route route;
    struct str room; /* empty: none */
    struct str item; /* what follows in the path, decoded; empty: nothing */
    char room_space[CODEC_NAME_MAX];
    char item_space[CODEC_NAME_MAX];
};

/* Answers with JSON, whose memory it takes. `body` is NULL or empty where memory was out. */
void api_answer_json(const struct api_reply *reply, int status, struct buf *body);

/* Answers without content: 204. */
void api_answer_nothing(const struct api_reply *reply);

/* Answers with an error; `detail` is a sentence for people. */
void api_answer_problem(const struct api_reply *reply, int status, const char *detail);

/* Appends an error as a JSON object. Returns 0, or -1 with errno ENOMEM. */
int api_append_problem(struct buf *out, int status, const char *detail);

/* A parameter of the query, decoded into `space`. Returns 1 where it is there, 0 where not, -1
 * where it is given twice or is too long. */
int api_parameter(const struct api_call *call, struct str name, char *space, size_t size,
                  struct str *value);

/* Has the caller these rights in the room, and is not banned from it? */
bool api_allows(const struct api_call *call, struct str room, uint8_t rights);

/* Answers with an error, and further field lines, each with its CRLF. */
void api_answer_problem_with(const struct api_reply *reply, int status, const char *detail,
                             const char *fields);

/* Answers with a body, whose memory it takes, and further field lines. */
void api_answer(const struct api_reply *reply, int status, const char *type, const char *fields,
                struct buf *body);

/* Appends the field lines of every answer: whose pages may read it. Returns 0, or -1 with errno
 * ENOMEM. */
int api_append_cors(struct buf *out, const struct api_reply *reply);

/* Finds out which pages of other origins may read the answer. */
void api_choose_origin(struct api_reply *reply, const struct http_request *request,
                       const struct origin_list *origins);

#endif
