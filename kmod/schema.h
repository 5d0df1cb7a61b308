/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schema: the fields of a key or of a value. Portable.
 */
#ifndef KMLOPS_SCHEMA_H
#define KMLOPS_SCHEMA_H

#include "kernmlops_field.h"
#include "portable.h"
#include "refusal.h"

u32 kmlops_field_type_size(u32 type);
int kmlops_schema_check(const struct kmlops_field *fields, u32 nr, u32 size,
			const char *what, struct kmlops_refusal *refusal);

#endif /* KMLOPS_SCHEMA_H */
