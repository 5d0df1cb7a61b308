/* SPDX-License-Identifier: GPL-2.0-only */
/* What of a string of the kernel is UTF-8. */
#ifndef KMLOPSCTL_UTF8_H
#define KMLOPSCTL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at @s, which has @left bytes; 0 if it is none. */
size_t utf8_length(const uint8_t *s, size_t left);

#endif /* KMLOPSCTL_UTF8_H */
