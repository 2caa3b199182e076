/* The admin listener for the tests, and a strict reader of what /metrics says: the text format of
 * Prometheus, version 0.0.4, and its rules for names. */
#ifndef TESTS_EXPOSITION_H
#define TESTS_EXPOSITION_H

#include <stdint.h>

#include "client.h"

/* What is wrong with a text, and in which line; NULL: nothing. Valid until the next call. */
const char *exposition_error(const char *text);

/* The port of the admin listener, which stderr tells. */
uint16_t admin_port(struct server *s);

/* GET at the admin listener, on a fresh connection. */
struct response *admin_get(struct server *s, const char *target);

/* The body of /metrics, which must be right in every respect. The caller frees it. */
char *metrics_read(struct server *s);

/* The value of a series, with its labels as they are written; it must be there. */
double metric(const char *text, const char *series);

/* The series must have that value. */
void metric_expect(const char *text, const char *series, unsigned long long value);

#endif
