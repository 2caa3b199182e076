#include "web/upgrade.h"

#include <string.h>

#include "base/util.h"
#include "proto/http/query.h"
#include "proto/ws/deflate.h"
#include "proto/ws/deflate_negotiation.h"
#include "session/ws.h"
#include "web/door.h"
#include "web/entry.h"
#include "web/web.h"

/* How many messages a client of wschat.v1 is replayed when it does not say. */
#define V1_HISTORY 50

/* The beginning of the answer to every handshake. */
#define UPGRADE_HEAD                                                                               \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: "

/* ---- what is asked for ---- */

/* A parameter of the query, decoded. Returns 1 where it is there, 0 where not, -1 where it is given
 * twice or cannot be decoded into `size` bytes. */
static int upgrade_parameter(const struct http_request *request, struct str name, char *out,
                             size_t size, struct str *value)
{
    struct str raw;
    ptrdiff_t len;
    int count;

    *value = (struct str){NULL, 0};
    if (request->query.len == 0)
        return 0;
    count = http_query_get(request->query, name, &raw);
    if (count == 0)
        return 0;
    len = http_percent_decode(out, size, raw, true);
    if (count > 1 || len < 0)
        return -1;
    *value = (struct str){out, (size_t)len};
    return 1;
}

/* Space for the decoded parameters of an entry. */
struct entry_text {
    char room[CODEC_NAME_MAX];
    char name[CODEC_NAME_MAX];
    char history[24];
    char since[HTTP_LINE_MAX];
    char key[HTTP_LINE_MAX];
};

/* The seat's key, as the subprotocol `key.K` or in the query: once, or twice the same. */
static bool upgrade_read_key(const struct http_request *request, char *space, size_t size,
                             struct str *key)
{
    struct ws_protocols protocols = {.line = 0};
    struct str other;

    if (upgrade_parameter(request, STR("key"), space, size, key) < 0)
        return false;
    while (ws_protocol_next(request, &protocols, STR("key."), &other)) {
        if (key->ptr != NULL && !str_equals(*key, other))
            return false;
        *key = other;
    }
    return true;
}

/* Reads the parameters of `/ws/{client_id}?room=R&name=N&history=K&since=POS&key=KEY`.
 * Returns NULL, or what is wrong. */
static const char *upgrade_read_entry(const struct http_request *request, struct chat_entry *entry,
                                      struct entry_text *text)
{
    struct str history;
    int found =
        upgrade_parameter(request, STR("room"), text->room, sizeof(text->room), &entry->room);

    if (found == 0)
        entry->room = STR("lobby");
    else if (found < 0 || entry->room.len == 0 || !codec_name_is_valid(entry->room))
        return "room must be given once: 1 to 64 bytes of UTF-8 without control characters.";
    if (upgrade_parameter(request, STR("name"), text->name, sizeof(text->name), &entry->name) < 0 ||
        (entry->name.len > 0 && !codec_name_is_valid(entry->name)))
        return "name must be given once: at most 64 bytes of UTF-8 without control characters.";
    entry->history = entry->codec == CODEC_V1 ? V1_HISTORY : 0;
    found =
        upgrade_parameter(request, STR("history"), text->history, sizeof(text->history), &history);
    if (found < 0 || (found > 0 && !str_to_u64(history, UINT32_MAX, &entry->history)))
        return "history must be given once: a number of messages up to 4294967295.";
    if (upgrade_parameter(request, STR("since"), text->since, sizeof(text->since), &entry->since) <
        0)
        return "since must be given once, percent-encoded.";
    if (!upgrade_read_key(request, text->key, sizeof(text->key), &entry->key))
        return "key must be given once: as the subprotocol key.K, or percent-encoded.";
    return NULL;
}

/* ---- who may ---- */

#define ORIGIN_REFUSED "Pages of this origin may not connect: see --allow-origin."

/* A request that is no handshake at all: says what this path is. A page learns nothing of a refused
 * handshake, so it asks here, and any page may read that its origin is refused. */
static void upgrade_explain(const struct answer *answer, const struct http_request *request)
{
    if (!ws_origin_is_allowed(request, &web_of(answer->conn)->origins))
        answer_refuse(answer, 403, ORIGIN_REFUSED, "Access-Control-Allow-Origin: *\r\n");
    else if (answer->is_get)
        answer_text(answer, 426, "This is a WebSocket: connect with ws:// or wss://.",
                    ANSWER_UPGRADE);
    else
        answer_not_allowed(answer);
}

/* A handshake without its Upgrade: a proxy in front made an ordinary request of it. */
static bool upgrade_is_stripped(const struct http_request *request)
{
    struct str value;

    return http_field_get(&request->fields, HTTP_FIELD_SEC_WEBSOCKET_KEY, &value) > 0 &&
           (request->minor == 0 ||
            http_field_get(&request->fields, HTTP_FIELD_UPGRADE, &value) == 0);
}

/* Nearly always it is a proxy that lacks some of this. */
#define PROXY_RECIPE                                                                               \
    "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header "     \
    "Connection upgrade;"

static void upgrade_explain_proxy(const struct answer *answer)
{
    answer_refuse(answer, 426, "A proxy in front took the upgrade away; " PROXY_RECIPE,
                  ANSWER_UPGRADE);
}

/* The origin is the client's word: the line has only so much of it. */
#define ORIGIN_SHOWN 256

static void upgrade_log_origin(struct conn *conn, const struct http_request *request)
{
    struct log_flow *flow = &web_of(conn)->refused_origins;
    char from[IP_TEXT_MAX], origin[ORIGIN_SHOWN + 1];
    struct str value;
    size_t len;

    if (!log_flow_admits(flow, LOG_INFO, conn_clock(conn)->now) ||
        http_field_get(&request->fields, HTTP_FIELD_ORIGIN, &value) == 0)
        return;
    len = min_size(value.len, ORIGIN_SHOWN);
    memcpy(origin, value.ptr, len);
    origin[len] = '\0';
    peer_write(from, &conn->peer);
    log_flow_line(flow, LOG_INFO, "origin refused: see --allow-origin", "from", from, "origin",
                  origin, (char *)0);
}

static void upgrade_refuse_handshake(const struct answer *answer, enum ws_handshake_error error)
{
    int status = ws_handshake_status(error);
    const char *text = ws_handshake_text(error), *fields = "";

    if (error == WS_HANDSHAKE_UPGRADE)
        text = "The Upgrade header does not say websocket. Is it that of a proxy? " PROXY_RECIPE;
    else if (error == WS_HANDSHAKE_CONNECTION)
        text = "The Connection header does not say Upgrade. Is it that of a proxy? " PROXY_RECIPE;
    if (status == 426)
        fields = ANSWER_UPGRADE;
    else if (status == 405)
        fields = "Allow: GET\r\n"; /* HEAD would bring no WebSocket (RFC 6455, 4.1) */
    answer_refuse(answer, status, text, fields);
}

/* May the request become a WebSocket? Answers and returns false if not. */
static bool upgrade_check_upgrade(const struct answer *answer, const struct http_request *request,
                                  char accept[WS_ACCEPT_SIZE])
{
    int error = -ws_handshake_check(request, accept);

    if (answer->is_get && upgrade_is_stripped(request)) {
        upgrade_explain_proxy(answer);
        return false;
    }
    if ((error != 0 || request->minor == 0) && !ws_handshake_is_wanted(request)) {
        upgrade_explain(answer, request);
        return false;
    }
    if (error != 0) {
        upgrade_refuse_handshake(answer, (enum ws_handshake_error)error);
        return false;
    }
    if (!ws_origin_is_allowed(request, &web_of(answer->conn)->origins)) {
        upgrade_log_origin(answer->conn, request);
        answer_refuse(answer, 403, ORIGIN_REFUSED, "");
        return false;
    }
    return true;
}

static void upgrade_refuse_full(const struct answer *answer)
{
    answer_refuse(answer, 503, "All places are taken: try again later.", ANSWER_RETRY_AFTER);
}

bool upgrade_is_full(const struct web *web)
{
    return web->conns->members >= web->max_members;
}

const char *upgrade_enter_address(struct conn *conn, const struct chat_entry *entry,
                                  const char **fields)
{
    struct web *web = web_of(conn);
    uint32_t place = entry != NULL ? chat_replaces(web->chat, entry) : 0;

    if (!conn->peer.is_known)
        return NULL;
    switch (address_table_enter(&web->addresses, &conn->peer.ip, conn_clock(conn)->now_ns, place,
                                &conn->address)) {
    case ADDRESS_TOO_MANY:
        *fields = ANSWER_RETRY_AFTER;
        return "Too many clients are connected from this address: try again later.";
    case ADDRESS_TOO_FAST:
        *fields = "Retry-After: 1\r\n";
        return "This address connects too often: try again in a second.";
    default:
        return NULL;
    }
}

/* The same for a handshake: answers and returns false where they do not. */
static bool upgrade_check_address(const struct answer *answer, const struct chat_entry *entry)
{
    const char *fields, *wrong = upgrade_enter_address(answer->conn, entry, &fields);

    if (wrong != NULL)
        answer_refuse(answer, 429, wrong, fields);
    return wrong == NULL;
}

/* ---- the upgrade ---- */

/* The lines of the answer that depend on what was asked for. */
struct upgrade_lines {
    const char *protocol; /* with its CRLF in front, or empty */
    char deflate[WS_DEFLATE_RESPONSE_SIZE];
};

#define UPGRADE_V1_LINE "\r\nSec-WebSocket-Protocol: " CODEC_V1_PROTOCOL
#define UPGRADE_EXTENSION_LINE "\r\nSec-WebSocket-Extensions: "

/* Returns false where memory was out. */
static bool upgrade_open(struct conn *conn, const char accept[WS_ACCEPT_SIZE],
                         const struct upgrade_lines *lines, const struct ws_reader_limits *limits)
{
    char text[sizeof(UPGRADE_HEAD) + WS_ACCEPT_SIZE + sizeof(UPGRADE_V1_LINE) +
              sizeof(UPGRADE_EXTENSION_LINE) + WS_DEFLATE_RESPONSE_SIZE + 8];
    char *end = mempcpy(text, UPGRADE_HEAD, sizeof(UPGRADE_HEAD) - 1);

    /* Faster than to print it: this is done for everybody who comes. */
    end = stpcpy(mempcpy(end, accept, WS_ACCEPT_SIZE), lines->protocol);
    if (lines->deflate[0] != '\0')
        end = stpcpy(stpcpy(end, UPGRADE_EXTENSION_LINE), lines->deflate);
    end = stpcpy(end, "\r\n\r\n");
    if (!ws_open(conn, (struct str){text, (size_t)(end - text)}, limits))
        return false;
    answer_count(conn, 101);
    return true;
}

/* Who is refused a room is told which one. */
static void upgrade_refuse_entry(const struct answer *answer, const struct gate_refusal *refusal,
                                 struct str room)
{
    char told[GATE_TOLD_MAX];

    gate_tell(told, refusal->why, refusal->status == 403 ? room : STR(""));
    stream_note_end(&answer->conn->stream, STREAM_END_REFUSED, refusal->why);
    answer_refuse(answer, refusal->status, told, refusal->status == 401 ? ANSWER_BEARER : "");
}

/* A page learns nothing of a refused handshake but that it failed, so it is told by a close frame.
 */
static void upgrade_refuse_page(const struct answer *answer, const struct http_request *request,
                                const char accept[WS_ACCEPT_SIZE],
                                const struct gate_refusal *refusal)
{
    struct web *web = web_of(answer->conn);
    bool is_v1 = ws_protocol_is_offered(request, STR(CODEC_V1_PROTOCOL));
    struct upgrade_lines lines = {.protocol = is_v1 ? UPGRADE_V1_LINE : ""};

    if (upgrade_check_address(answer, NULL) &&
        upgrade_open(answer->conn, accept, &lines, &web->chat_limits))
        conn_close(answer->conn, refusal->status == 401 ? GATE_CLOSE_TOKEN : CLOSE_FORBIDDEN,
                   refusal->why);
}

/* Does the gate let the request into this room (empty: into none)? Answers and returns false if
 * not. */
static bool upgrade_check_gate(const struct answer *answer, const struct http_request *request,
                               const char accept[WS_ACCEPT_SIZE], struct str room,
                               struct visitor *visitor)
{
    struct web *web = web_of(answer->conn);
    struct gate_refusal refusal = gate_look_at(&web->gate, request, &web->origins, room,
                                               conn_clock(answer->conn)->wall, visitor);
    struct str origin;

    if (refusal.status == 0 && door_is_barred(answer->conn, visitor, room))
        refusal = (struct gate_refusal){403, "you are banned from this room", false};
    if (refusal.status == 0)
        return true;
    if (refusal.status == 400 ||
        http_field_get(&request->fields, HTTP_FIELD_ORIGIN, &origin) == 0 || upgrade_is_full(web))
        upgrade_refuse_entry(answer, &refusal, room);
    else
        upgrade_refuse_page(answer, request, accept, &refusal);
    return false;
}

/* The connection is a member now: it has what the visitor was let in with. */
static bool upgrade_let_in(struct conn *conn, const struct visitor *visitor)
{
    if (gate_let_in(&web_of(conn)->gate, conn, visitor) == 0)
        return true;
    conn_close(conn, WS_CLOSE_SERVER_ERROR, "the server is out of memory");
    return false;
}

/* Agrees on compression where it is on and offered, and writes that into the answer. */
static bool upgrade_agree_on_deflate(const struct web *web, const struct http_request *request,
                                     struct upgrade_lines *lines, struct ws_deflate *agreed)
{
    if (!web->has_deflate || !ws_deflate_negotiate(&request->fields, agreed))
        return false;
    ws_deflate_response(lines->deflate, agreed);
    return true;
}

/* Bits of the window that the client unpacks with. */
static unsigned upgrade_window_bits(const struct ws_deflate *agreed)
{
    return agreed->server_bits != 0 ? agreed->server_bits : DEFLATE_BITS_MAX;
}

static void upgrade_admit_echo(struct conn *conn, const struct http_request *request,
                               const char accept[WS_ACCEPT_SIZE], const struct visitor *visitor)
{
    struct web *web = web_of(conn);
    struct upgrade_lines lines = {.protocol = ""};
    struct ws_deflate agreed;
    bool is_deflated = web->is_verbatim && upgrade_agree_on_deflate(web, request, &lines, &agreed);

    if (!upgrade_open(conn, accept, &lines,
                      is_deflated ? &web->echo_deflate_limits : &web->echo_limits))
        return;
    if (is_deflated)
        conn->window_bits = (upgrade_window_bits(&agreed) - DEFLATE_BITS_MIN) & 7;
    upgrade_let_in(conn, visitor);
}

void upgrade_open_echo(const struct answer *answer, const struct http_request *request)
{
    struct web *web = web_of(answer->conn);
    char accept[WS_ACCEPT_SIZE];
    struct visitor visitor;

    if (!upgrade_check_upgrade(answer, request, accept) ||
        !upgrade_check_gate(answer, request, accept, STR(""), &visitor))
        return;
    if (upgrade_is_full(web))
        upgrade_refuse_full(answer);
    else if (upgrade_check_address(answer, NULL))
        upgrade_admit_echo(answer->conn, request, accept, &visitor);
}

/* A token may fix the name, and who may not read what was said before is replayed nothing. */
static void upgrade_apply_rights(struct chat_entry *entry, const struct visitor *visitor)
{
    if (visitor->has_token && visitor->token.name.ptr != NULL)
        entry->name = visitor->token.name;
    if ((visitor->rights & RIGHT_HST) != 0)
        return;
    entry->history = 0;
    entry->since = (struct str){NULL, 0};
}

/* Chooses what a client of wschat.v1 speaks. It shares the compression of its room where it
 * remembers enough; else it gets plain frames, and may send compressed ones. */
static const struct ws_reader_limits *upgrade_choose_v1(const struct web *web,
                                                        const struct http_request *request,
                                                        struct upgrade_lines *lines,
                                                        struct chat_entry *entry)
{
    struct ws_deflate agreed;

    lines->protocol = UPGRADE_V1_LINE;
    if (!upgrade_agree_on_deflate(web, request, lines, &agreed))
        return &web->chat_limits;
    entry->is_packed =
        !agreed.server_no_takeover && upgrade_window_bits(&agreed) >= SHARED_WINDOW_BITS;
    return &web->chat_deflate_limits;
}

/* Everything is as it must be: opens the WebSocket, which asks the chat for a seat. */
static void upgrade_admit(struct conn *conn, const struct http_request *request,
                          struct chat_entry *entry, const char accept[WS_ACCEPT_SIZE],
                          const struct visitor *visitor)
{
    struct web *web = web_of(conn);
    struct upgrade_lines lines = {.protocol = ""};
    const struct ws_reader_limits *limits = entry->codec == CODEC_V1
                                                ? upgrade_choose_v1(web, request, &lines, entry)
                                                : &web->chat_limits;

    if (!upgrade_open(conn, accept, &lines, limits) || !upgrade_let_in(conn, visitor))
        return;
    conn->member.client_id = entry->id;
    conn->codec = (uint8_t)entry->codec;
    entry->payer = conn->address;
    entry_enter(conn, entry);
}

/* Who was told by a close frame is a member for that long: the line of its end says who wanted to
 * go where. */
static void upgrade_note_refused(struct conn *conn, const struct chat_entry *entry)
{
    if (!conn->is_member)
        return;
    conn->member.client_id = entry->id;
    conn->codec = (uint8_t)entry->codec;
    if (log_is_enabled(LOG_INFO))
        conn->member.room = strndup(entry->room.ptr, entry->room.len);
}

void upgrade_open_chat(const struct answer *answer, const struct http_request *request,
                       struct str id)
{
    struct web *web = web_of(answer->conn);
    struct chat_entry entry = {.codec = CODEC_TEXT};
    struct entry_text text;
    char accept[WS_ACCEPT_SIZE];
    struct visitor visitor;
    const char *wrong;

    if (!str_to_u64(id, CODEC_ID_MAX, &entry.id) || entry.id == 0) {
        answer_refuse(answer, 400,
                      "A client id is a number from 1 to 9223372036854775807, as Date.now() gives.",
                      "");
        return;
    }
    chat_expect(web->chat, entry.id);
    if (!upgrade_check_upgrade(answer, request, accept))
        return;
    if (ws_protocol_is_offered(request, STR(CODEC_V1_PROTOCOL)))
        entry.codec = CODEC_V1;
    wrong = upgrade_read_entry(request, &entry, &text);
    if (wrong != NULL) {
        answer_refuse(answer, 400, wrong, "");
        return;
    }
    if (!upgrade_check_gate(answer, request, accept, entry.room, &visitor)) {
        upgrade_note_refused(answer->conn, &entry);
        return;
    }
    upgrade_apply_rights(&entry, &visitor);
    if ((upgrade_is_full(web) || chat_is_full(web->chat)) && !chat_has_id(web->chat, entry.id))
        upgrade_refuse_full(answer);
    else if (upgrade_check_address(answer, &entry))
        upgrade_admit(answer->conn, request, &entry, accept, &visitor);
}
