#include "web/admin.h"

#include <stdlib.h>

#include "web/files.h"
#include "web/later.h"
#include "web/web.h"

void admin_answer_health(const struct answer *answer)
{
    struct web *web = web_of(answer->conn);
    bool is_partial = false;
    bool has_names = answer->conn->is_admin; /* addresses are not for everybody */
    const char *ailment = web->ailment != NULL ? web->ailment(web, has_names, &is_partial) : NULL;

    if (!answer->is_get)
        answer_not_allowed(answer);
    else if (web->is_stopping)
        answer_refuse(answer, 503, "The server is shutting down.", ANSWER_RETRY_AFTER);
    else if (ailment != NULL && !is_partial)
        answer_refuse(answer, 503, ailment, ANSWER_RETRY_AFTER);
    else if (ailment != NULL)
        answer_text(answer, 200, ailment, ANSWER_FRESH);
    else
        answer_text(answer, 200, "ok", ANSWER_FRESH);
}

static void admin_answer_metrics(const struct answer *answer, struct str unused)
{
    struct web *web = web_of(answer->conn);
    struct http_response response = {
        .status = 200,
        .type = STR("text/plain; version=0.0.4; charset=utf-8"),
        .extra = STR(ANSWER_FRESH ANSWER_ADMIN),
    };
    struct buf text;
    struct http_body body;

    (void)unused;
    buf_init(&text);
    if (web->metrics(&text, web) < 0) {
        buf_deinit(&text);
        stream_drop(&answer->conn->stream, STREAM_END_MEMORY);
        return;
    }
    body = (struct http_body){.data = text.data, .len = text.len, .release = free};
    answer_send(answer, &response, &body);
}

void admin_answer(const struct answer *answer, const struct http_request *request, struct str path)
{
    if (path.len == 0 || path.ptr[0] != '/')
        files_answer(answer, request, ASSETS_ADMIN, STR("/."));
    else if (str_equals(path, STR("/healthz")))
        admin_answer_health(answer);
    else if (!str_equals(path, STR("/metrics")))
        files_answer(answer, request, ASSETS_ADMIN, path);
    else if (!answer->is_get)
        answer_not_allowed(answer);
    else
        later_answer(answer, admin_answer_metrics, STR(""));
}
