#include "proto/http/response.h"

#include "base/util.h"

#define SECONDS_OF_DAY 86400
#define TIME_MAX 253402300799 /* the last second of the year 9999: the format has four digits */

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "";
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 1 && is_leap(year) ? 1 : 0);
}

/* IMF-fixdate. Counted by hand, for strftime speaks the language of the locale. */
static int date_append(struct buf *out, int64_t unix_time)
{
    static const char weekdays[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t time = unix_time < 0 ? 0 : unix_time > TIME_MAX ? TIME_MAX : unix_time;
    int days = (int)(time / SECONDS_OF_DAY);
    int second = (int)(time % SECONDS_OF_DAY);
    int weekday = days % 7;
    int year = 1970;
    int month = 0;

    for (; days >= 365 + is_leap(year); year++)
        days -= 365 + is_leap(year);
    for (; days >= days_of_month(month, year); month++)
        days -= days_of_month(month, year);
    return buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", weekdays[weekday],
                      days + 1, months[month], year, second / 3600, second / 60 % 60, second % 60);
}

/* The fields that describe the content. */
static int response_append_content(struct buf *out, const struct http_response *res)
{
    if (res->status == 204 || res->status == 304)
        return 0;
    if (res->length != HTTP_LENGTH_NONE &&
        buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)res->length) < 0)
        return -1;
    if (res->type.len == 0)
        return 0;
    return buf_printf(out, "Content-Type: %.*s\r\nX-Content-Type-Options: nosniff\r\n",
                      (int)res->type.len, res->type.ptr);
}

static int fields_append(struct buf *out, const struct http_response *res, int64_t unix_time)
{
    if (res->status < 200)
        return 0;
    if (date_append(out, unix_time) < 0 || response_append_content(out, res) < 0)
        return -1;
    if (!res->keep_alive)
        return buf_append_str(out, STR("Connection: close\r\n"));
    return res->is_http_1_0 ? buf_append_str(out, STR("Connection: keep-alive\r\n")) : 0;
}

int http_response_head(struct buf *out, const struct http_response *res, int64_t unix_time)
{
    size_t before = out->len;

    if (buf_printf(out, "HTTP/1.1 %d %s\r\n", res->status, http_status_reason(res->status)) == 0 &&
        fields_append(out, res, unix_time) == 0 && buf_append_str(out, res->extra) == 0 &&
        buf_append_str(out, STR("\r\n")) == 0)
        return 0;
    out->len = before;
    return -1;
}
