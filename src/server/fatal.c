#include "server/fatal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "net/socket.h"

int fatal(const char *format, ...)
{
    char message[SOCKET_TEXT_MAX + 256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_announce(LOG_ERROR, message);
    return -1;
}
