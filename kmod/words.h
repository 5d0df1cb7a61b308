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

static __always_inline u64 kmlops_load_u64(const void *from)
{
	u64 word;

	memcpy(&word, from, 8);
	return word;
}

/* Up to 8 bytes at @from, zero-padded; each byte is read once. */
static __always_inline u64 kmlops_load_word(const void *from, u32 size)
{
	const u8 *at = from;
	u32 shift = 0, half;
	u64 word = 0;
	u16 quarter;

	if (likely(size == 4)) {
		memcpy(&half, at, 4);
		return half;
	}
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
static __always_inline void kmlops_store_word(void *to, u64 word, u32 size)
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

static __always_inline void kmlops_copy_in_64(u64 *words, const u8 *at)
{
	WRITE_ONCE(words[0], kmlops_load_u64(at));
	WRITE_ONCE(words[1], kmlops_load_u64(at + 8));
	WRITE_ONCE(words[2], kmlops_load_u64(at + 16));
	WRITE_ONCE(words[3], kmlops_load_u64(at + 24));
	WRITE_ONCE(words[4], kmlops_load_u64(at + 32));
	WRITE_ONCE(words[5], kmlops_load_u64(at + 40));
	WRITE_ONCE(words[6], kmlops_load_u64(at + 48));
	WRITE_ONCE(words[7], kmlops_load_u64(at + 56));
}

static __always_inline void kmlops_copy_out_64(u8 *at, const u64 *words)
{
	kmlops_store_word(at, READ_ONCE(words[0]), 8);
	kmlops_store_word(at + 8, READ_ONCE(words[1]), 8);
	kmlops_store_word(at + 16, READ_ONCE(words[2]), 8);
	kmlops_store_word(at + 24, READ_ONCE(words[3]), 8);
	kmlops_store_word(at + 32, READ_ONCE(words[4]), 8);
	kmlops_store_word(at + 40, READ_ONCE(words[5]), 8);
	kmlops_store_word(at + 48, READ_ONCE(words[6]), 8);
	kmlops_store_word(at + 56, READ_ONCE(words[7]), 8);
}

/* Eight words a turn: what most rows need is one turn and no more. */
static __always_inline void kmlops_copy_in(u64 *words, const void *from,
					   u32 size)
{
	const u8 *at = from;

	while (size >= 64) {
		kmlops_copy_in_64(words, at);
		size -= 64;
		if (likely(!size))
			return;
		words += 8;
		at += 64;
	}
	for (; size >= 8; size -= 8, at += 8)
		WRITE_ONCE(*words++, kmlops_load_u64(at));
	if (size)
		WRITE_ONCE(*words, kmlops_load_word(at, size));
}

static __always_inline void kmlops_copy_out(void *to, const u64 *words,
					    u32 size)
{
	u8 *at = to;

	while (size >= 64) {
		kmlops_copy_out_64(at, words);
		size -= 64;
		if (likely(!size))
			return;
		words += 8;
		at += 64;
	}
	for (; size >= 8; size -= 8, at += 8)
		kmlops_store_word(at, READ_ONCE(*words++), 8);
	if (size)
		kmlops_store_word(at, READ_ONCE(*words), size);
}

/* The same, with 64 bytes at first sight. */
static __always_inline void kmlops_copy_value_in(u64 *words, const void *from,
						 u32 size)
{
	if (likely(size == 64))
		kmlops_copy_in_64(words, from);
	else
		kmlops_copy_in(words, from, size);
}

static __always_inline void kmlops_copy_value_out(void *to, const u64 *words,
						  u32 size)
{
	if (likely(size == 64))
		kmlops_copy_out_64(to, words);
	else
		kmlops_copy_out(to, words, size);
}

#endif /* KMLOPS_WORDS_H */
