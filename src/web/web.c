#include "web/web.h"

void web_leave_address(struct conn *conn)
{
    address_table_leave(&web_of(conn)->addresses, conn->address, conn_clock(conn)->now_ns);
    conn->address = 0;
}
