// SPDX-License-Identifier: GPL-2.0-only
/* What of a string of the kernel is UTF-8: RFC 3629. */
#include "utf8.h"

size_t utf8_length(const uint8_t *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t len, i;

	if (*s < 0x80)
		return 1;
	len = (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 :
	      (*s & 0xf8) == 0xf0 ? 4 : 0;
	if (!len || len > left)
		return 0;
	code = *s & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return len;
}
