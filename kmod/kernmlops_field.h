/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A field of a key or of a value. Portable.
 */
#ifndef KERNMLOPS_FIELD_H
#define KERNMLOPS_FIELD_H

#include <linux/types.h>
#include <linux/kernmlops.h>

/**
 * struct kmlops_field - A field of a key or of a value
 * @name: its name, unique in the key or value
 * @unit: its unit, or ""
 * @type: enum kernmlops_field_type, of one element
 * @offset: where it begins, in bytes
 * @count: number of elements
 */
struct kmlops_field {
	char name[KERNMLOPS_NAME_MAX + 1];
	char unit[KERNMLOPS_NAME_MAX + 1];
	__u32 type;
	__u32 offset;
	__u32 count;
};

#endif /* KERNMLOPS_FIELD_H */
