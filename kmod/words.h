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

static inline u64 kmlops_load_u64(const void *from)
{
	u64 word;

	memcpy(&word, from, 8);
	return word;
}

/* Up to 8 bytes at @from, zero-padded; each byte is read once. */
static inline u64 kmlops_load_word(const void *from, u32 size)
{
	const u8 *at = from;
	u32 shift = 0, half;
	u64 word = 0;
	u16 quarter;

	if (size >= 8)
		return kmlops_load_u64(from);
	if (size & 4) {
		memcpy(&half, at, 4);
		word = half;
		shift = 32;
		at += 4;
	}
	if (size & 2) {
		memcpy(&quarter, at, 2);
		word |= (u64)quarter << shift;
		shift += 16;
		at += 2;
	}
	if (size & 1)
		word |= (u64)*at << shift;
	return word;
}

/* The first @size bytes of @word, at most 8. */
static inline void kmlops_store_word(void *to, u64 word, u32 size)
{
	u8 *at = to;

	if (size >= 8) {
		memcpy(to, &word, 8);
		return;
	}
	if (size & 4) {
		memcpy(at, &word, 4);
		word >>= 32;
		at += 4;
	}
	if (size & 2) {
		memcpy(at, &word, 2);
		word >>= 16;
		at += 2;
	}
	if (size & 1)
		*at = word;
}

static inline void kmlops_copy_in(u64 *words, const void *from, u32 size)
{
	/* Four words a turn: a row of 64 bytes is copied in half the time. */
	for (; size >= 32; size -= 32, words += 4, from = (const u8 *)from + 32) {
		WRITE_ONCE(words[0], kmlops_load_u64(from));
		WRITE_ONCE(words[1], kmlops_load_u64((const u8 *)from + 8));
		WRITE_ONCE(words[2], kmlops_load_u64((const u8 *)from + 16));
		WRITE_ONCE(words[3], kmlops_load_u64((const u8 *)from + 24));
	}
	for (; size >= 8; size -= 8, from = (const u8 *)from + 8)
		WRITE_ONCE(*words++, kmlops_load_u64(from));
	if (size)
		WRITE_ONCE(*words, kmlops_load_word(from, size));
}

static inline void kmlops_copy_out(void *to, const u64 *words, u32 size)
{
	for (; size >= 32; size -= 32, words += 4, to = (u8 *)to + 32) {
		kmlops_store_word(to, READ_ONCE(words[0]), 8);
		kmlops_store_word((u8 *)to + 8, READ_ONCE(words[1]), 8);
		kmlops_store_word((u8 *)to + 16, READ_ONCE(words[2]), 8);
		kmlops_store_word((u8 *)to + 24, READ_ONCE(words[3]), 8);
	}
	for (; size >= 8; size -= 8, to = (u8 *)to + 8)
		kmlops_store_word(to, READ_ONCE(*words++), 8);
	if (size)
		kmlops_store_word(to, READ_ONCE(*words), size);
}

#endif /* KMLOPS_WORDS_H */
