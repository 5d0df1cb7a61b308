/* SPDX-License-Identifier: GPL-2.0-only */
/* The fields of a key or a value, and how they follow from the BTF of a map. */
#ifndef KMLOPSCTL_BTF_SCHEMA_H
#define KMLOPSCTL_BTF_SCHEMA_H

#include <stdint.h>

struct btf;

struct field {
	char *name;
	char *unit;		/* NULL: unknown */
	uint32_t type;		/* enum kernmlops_field_type */
	uint32_t offset;
	uint32_t count;		/* elements; 1: a scalar */
};

struct schema {
	struct field *fields;
	unsigned int nr;
};

/*
 * Fields of the BTF type @id: a scalar or an array is one field called @name,
 * a struct its members, those of a nested struct as outer.inner. Returns 0, or
 * -EINVAL with a sentence in *@why (to be freed) that names the member that
 * cannot be a field.
 */
int schema_from_btf(struct schema *schema, const struct btf *btf, uint32_t id,
		    const char *name, char **why);

/* Append a field; takes @name and @unit (which may be NULL) over. */
struct field *schema_add(struct schema *schema, char *name, char *unit);
void schema_free(struct schema *schema);

/* "u32", "s64" and so on; "?" for a type this tool does not know. */
const char *field_type_name(uint32_t type);
/* The other way round; 0 if there is none of that name. */
uint32_t field_type_find(const char *name);
/* Bytes of one element; 0 for a type this tool does not know. */
unsigned int field_type_size(uint32_t type);

#endif /* KMLOPSCTL_BTF_SCHEMA_H */
