// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schema checks. The field list comes from user space, which derives it from
 * BTF; what it says must fit the sizes that the map itself declares.
 */
#include "schema.h"

u32 kmlops_field_type_size(u32 type)
{
	switch (type) {
	case KERNMLOPS_FIELD_TYPE_U8:
	case KERNMLOPS_FIELD_TYPE_S8:
	case KERNMLOPS_FIELD_TYPE_BOOL:
	case KERNMLOPS_FIELD_TYPE_CHAR:
		return 1;
	case KERNMLOPS_FIELD_TYPE_U16:
	case KERNMLOPS_FIELD_TYPE_S16:
		return 2;
	case KERNMLOPS_FIELD_TYPE_U32:
	case KERNMLOPS_FIELD_TYPE_S32:
	case KERNMLOPS_FIELD_TYPE_F32:
		return 4;
	case KERNMLOPS_FIELD_TYPE_U64:
	case KERNMLOPS_FIELD_TYPE_S64:
	case KERNMLOPS_FIELD_TYPE_F64:
		return 8;
	}
	return 0;
}

/**
 * kmlops_schema_check() - Check a list of fields against the size they fill
 * @fields: the fields, in order of offset
 * @nr: how many
 * @size: bytes of the key or value
 * @what: "key" or "value", for the sentence
 * @refusal: receives the sentence on error
 *
 * Fields may leave gaps (padding) but not overlap or reach beyond @size. Names
 * are unique and not empty.
 *
 * Return: 0 or -EINVAL.
 */
int kmlops_schema_check(const struct kmlops_field *fields, u32 nr, u32 size,
			const char *what, struct kmlops_refusal *refusal)
{
	u64 end = 0;
	u32 i, j;

	if (!nr)
		return kmlops_refuse(refusal, -EINVAL,
				     "the %s has no fields", what);

	for (i = 0; i < nr; i++) {
		const struct kmlops_field *field = &fields[i];
		u64 bytes = (u64)kmlops_field_type_size(field->type) *
			    field->count;

		if (!field->name[0])
			return kmlops_refuse(refusal, -EINVAL,
					     "%s field %u has no name", what, i);
		if (!bytes)
			return kmlops_refuse(refusal, -EINVAL,
					     "%s field %s has no size", what,
					     field->name);
		if (field->offset < end)
			return kmlops_refuse(refusal, -EINVAL,
					     "%s field %s overlaps the one before",
					     what, field->name);
		end = field->offset + bytes;
		if (end > size)
			return kmlops_refuse(refusal, -EINVAL,
					     "%s field %s ends beyond the %u bytes of the map's %s",
					     what, field->name, size, what);
		for (j = 0; j < i; j++)
			if (!strcmp(fields[j].name, field->name))
				return kmlops_refuse(refusal, -EINVAL,
						     "%s field %s is there twice",
						     what, field->name);
	}
	return 0;
}
