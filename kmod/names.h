/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of stores and models: 1 to KERNMLOPS_NAME_MAX printable ASCII bytes,
 * no space, '/', '@' or ','. Tables by name hash the name and compare it whole.
 */
#ifndef KMLOPS_NAMES_H
#define KMLOPS_NAMES_H

#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/hash.h>
#include <linux/string.h>
#include <linux/kernmlops.h>
#include "refusal.h"

#define KMLOPS_NAME_BUCKET_BITS	8
#define KMLOPS_NAME_BUCKETS	BIT(KMLOPS_NAME_BUCKET_BITS)

static inline int kmlops_name_check(const char *name, const char *what,
				    struct kmlops_refusal *refusal)
{
	size_t len = strlen(name), i;

	if (!len)
		return kmlops_refuse(refusal, -EINVAL,
				     "the name of a %s cannot be empty", what);
	if (len > KERNMLOPS_NAME_MAX)
		return kmlops_refuse(refusal, -ENAMETOOLONG,
				     "the name of a %s has at most %d bytes, this has %zu",
				     what, KERNMLOPS_NAME_MAX, len);
	for (i = 0; i < len; i++)
		if (!isgraph(name[i]) || !isascii(name[i]) ||
		    strchr("/@,", name[i]))
			return kmlops_refuse(refusal, -EINVAL,
					     "the name of a %s cannot have byte 0x%02x",
					     what, (u8)name[i]);
	return 0;
}

/* Bucket of a name, which may be longer than any that is in the table. */
static inline u32 kmlops_name_bucket(const char *name)
{
	u64 hash = 0;
	u32 i;

	for (i = 0; i <= KERNMLOPS_NAME_MAX && name[i]; i++)
		hash = (hash + (u8)name[i]) * GOLDEN_RATIO_64;
	return hash >> (64 - KMLOPS_NAME_BUCKET_BITS);
}

#endif /* KMLOPS_NAMES_H */
