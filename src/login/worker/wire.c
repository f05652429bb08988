#include "worker.h"

#include <string.h>

static bool plain(unsigned char byte)
{
	return byte > 0x20 && byte < 0x7f && byte != '%';
}

/*
 * Appends `text` percent-encoded and returns the new end, or NULL if it does not fit. Encodes only what wire_decode
 * refuses unencoded, so that a received word never grows when it is sent back.
 */
char *wire_encode(char *to, const char *end, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++) {
		if (end - to < (plain(*byte) ? 1 : 3))
			return NULL;
		if (plain(*byte)) {
			*to++ = (char)*byte;
		} else {
			*to++ = '%';
			*to++ = digits[*byte >> 4];
			*to++ = digits[*byte & 15];
		}
	}
	return to;
}

static int digit(char hex)
{
	if (hex >= '0' && hex <= '9')
		return hex - '0';
	hex |= 0x20;
	return hex >= 'a' && hex <= 'f' ? hex - 'a' + 10 : -1;
}

/* Decodes a word in place; false if it is malformed or holds a NUL, which no C string can. */
bool wire_decode(char *word)
{
	char *to = word;

	for (const char *from = word; *from; from++) {
		if (*from != '%') {
			if (!plain((unsigned char)*from))
				return false;
			*to++ = *from;
			continue;
		}
		int high = digit(from[1]);
		int low = high < 0 ? -1 : digit(from[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return true;
}
