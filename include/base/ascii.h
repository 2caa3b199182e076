/* Classes of ASCII characters, by the names that the RFCs give them. No byte from 0x80 on is in any
 * of them. */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

#define ASCII_DIGIT 0x01
#define ASCII_LETTER 0x02
#define ASCII_HEX 0x04        /* HEXDIG, of either case */
#define ASCII_TOKEN 0x08      /* tchar (RFC 9110, 5.6.2) */
#define ASCII_UNRESERVED 0x10 /* RFC 3986, 2.3 */
#define ASCII_NAME 0x20       /* what a registered name may hold: unreserved / sub-delims (3.2.2) */
#define ASCII_PATH 0x40       /* pchar / "/" (3.3) */
#define ASCII_QUERY 0x80      /* pchar / "/" / "?" (3.4) */

extern const uint8_t ascii_classes[256];

/* Is the character in one of the classes? */
static inline bool ascii_is(char c, uint8_t classes)
{
    return (ascii_classes[(unsigned char)c] & classes) != 0;
}

#endif
