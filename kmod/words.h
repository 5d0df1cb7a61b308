/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys and values as 8-byte words. Rows are copied word by word: a store is
 * never torn within a word, each source byte is read once (a BPF map value may
 * change meanwhile), and the padding is always zero.
 */
#ifndef KMLOPS_WORDS_H
#define KMLOPS_WORDS_H

#include "portable.h"

static inline u32 kmlops_words(u32 size)
{
	return (size + 7) / 8;
}

/* Up to 8 bytes at @from, zero-padded. */
static inline u64 kmlops_load_word(const void *from, u32 size)
{
	u64 word = 0;

	memcpy(&word, from, size < 8 ? size : 8);
	return word;
}

static inline void kmlops_copy_in(u64 *words, const void *from, u32 size)
{
	for (; size >= 8; size -= 8, from = (const u8 *)from + 8)
		WRITE_ONCE(*words++, kmlops_load_word(from, 8));
	if (size)
		WRITE_ONCE(*words, kmlops_load_word(from, size));
}

static inline void kmlops_copy_words(u64 *to, const u64 *from, u32 words)
{
	while (words--)
		*to++ = READ_ONCE(*from++);
}

#endif /* KMLOPS_WORDS_H */
