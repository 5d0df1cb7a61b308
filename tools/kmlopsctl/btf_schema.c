// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the BTF of a map to a list of fields. A field is a number, a bool, a
 * char, or an array of one of these; everything else is refused by name, as
 * its bytes would mean nothing to whoever reads the rows later.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "btf_schema.h"
#include "kmlopsctl.h"

/* Deeper nesting than the kernel lets into BTF at all. */
#define DEPTH_MAX	32

#define UNIT_TAG	"unit:"

static const struct {
	const char *name;
	unsigned int size;
} types[] = {
	[KERNMLOPS_FIELD_TYPE_U8] = { "u8", 1 },
	[KERNMLOPS_FIELD_TYPE_U16] = { "u16", 2 },
	[KERNMLOPS_FIELD_TYPE_U32] = { "u32", 4 },
	[KERNMLOPS_FIELD_TYPE_U64] = { "u64", 8 },
	[KERNMLOPS_FIELD_TYPE_S8] = { "s8", 1 },
	[KERNMLOPS_FIELD_TYPE_S16] = { "s16", 2 },
	[KERNMLOPS_FIELD_TYPE_S32] = { "s32", 4 },
	[KERNMLOPS_FIELD_TYPE_S64] = { "s64", 8 },
	[KERNMLOPS_FIELD_TYPE_BOOL] = { "bool", 1 },
	[KERNMLOPS_FIELD_TYPE_CHAR] = { "char", 1 },
	[KERNMLOPS_FIELD_TYPE_F32] = { "f32", 4 },
	[KERNMLOPS_FIELD_TYPE_F64] = { "f64", 8 },
};

#define NR_TYPES	(sizeof(types) / sizeof(types[0]))

const char *field_type_name(uint32_t type)
{
	return type && type < NR_TYPES ? types[type].name : "?";
}

unsigned int field_type_size(uint32_t type)
{
	return type < NR_TYPES ? types[type].size : 0;
}

uint32_t field_type_find(const char *name)
{
	uint32_t type;

	for (type = KERNMLOPS_FIELD_TYPE_U8; field_type_size(type); type++)
		if (!strcmp(field_type_name(type), name))
			return type;
	return 0;
}

struct field *schema_add(struct schema *schema, char *name, char *unit)
{
	struct field *field;

	schema->fields = xrealloc(schema->fields, (schema->nr + 1) *
				  sizeof(*schema->fields));
	field = &schema->fields[schema->nr++];
	*field = (struct field){ .name = name, .unit = unit, .count = 1 };
	return field;
}

void schema_free(struct schema *schema)
{
	unsigned int i;

	for (i = 0; i < schema->nr; i++) {
		free(schema->fields[i].name);
		free(schema->fields[i].unit);
	}
	free(schema->fields);
	*schema = (struct schema){ 0 };
}

/* A type without its typedefs and qualifiers. */
static uint32_t bare_id(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type))) {
		id = type->type;
		type = btf__type_by_id(btf, id);
	}
	return id;
}

static uint32_t number_type(unsigned int size, bool is_signed)
{
	switch (size) {
	case 1:
		return is_signed ? KERNMLOPS_FIELD_TYPE_S8 :
				   KERNMLOPS_FIELD_TYPE_U8;
	case 2:
		return is_signed ? KERNMLOPS_FIELD_TYPE_S16 :
				   KERNMLOPS_FIELD_TYPE_U16;
	case 4:
		return is_signed ? KERNMLOPS_FIELD_TYPE_S32 :
				   KERNMLOPS_FIELD_TYPE_U32;
	case 8:
		return is_signed ? KERNMLOPS_FIELD_TYPE_S64 :
				   KERNMLOPS_FIELD_TYPE_U64;
	}
	return 0;
}

/* Older compilers do not say which enums are signed; their values do. */
static bool enum_is_signed(const struct btf_type *type)
{
	unsigned int i;

	if (btf_kflag(type))
		return true;
	for (i = 0; btf_is_enum(type) && i < btf_vlen(type); i++)
		if (btf_enum(type)[i].val < 0)
			return true;
	return false;
}

/* Type of a field, 0 if @type is no scalar that a field can have. */
static uint32_t scalar_type(const struct btf *btf, const struct btf_type *type)
{
	int encoding;

	switch (btf_kind(type)) {
	case BTF_KIND_INT:
		encoding = btf_int_encoding(type);
		if (btf_int_offset(type) || btf_int_bits(type) != type->size * 8)
			return 0;
		if (encoding & BTF_INT_BOOL)
			return type->size == 1 ? KERNMLOPS_FIELD_TYPE_BOOL : 0;
		/* Compilers encode char as a signed integer of that name. */
		if (type->size == 1 && (encoding & BTF_INT_CHAR ||
					!strcmp(btf__name_by_offset(btf, type->name_off), "char")))
			return KERNMLOPS_FIELD_TYPE_CHAR;
		return number_type(type->size, encoding & BTF_INT_SIGNED);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return number_type(type->size, enum_is_signed(type));
	case BTF_KIND_FLOAT:
		if (type->size == 4)
			return KERNMLOPS_FIELD_TYPE_F32;
		return type->size == 8 ? KERNMLOPS_FIELD_TYPE_F64 : 0;
	}
	return 0;
}

static const char *kind_in_words(const struct btf_type *type, bool in_array)
{
	switch (type ? btf_kind(type) : BTF_KIND_UNKN) {
	case BTF_KIND_PTR:
		return in_array ? "an array of pointers" : "a pointer";
	case BTF_KIND_UNION:
		return in_array ? "an array of unions" : "a union";
	case BTF_KIND_STRUCT:
		return "an array of structs";
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "a number of a size that is not supported";
	}
	return "of a type that is not supported";
}

static int refuse(char **why, const char *name, const char *what)
{
	*why = xprintf("field %s is %s; fields are numbers, bool, char, and arrays of these",
		       name, what);
	return -EINVAL;
}

/* The unit that KMLOPS_UNIT() gave to member @index of struct @id, or NULL. */
static char *member_unit(const struct btf *btf, uint32_t id, int index)
{
	uint32_t i, nr = btf__type_cnt(btf);

	for (i = 1; i < nr; i++) {
		const struct btf_type *tag = btf__type_by_id(btf, i);
		const char *text;

		if (!btf_is_decl_tag(tag) || tag->type != id ||
		    btf_decl_tag(tag)->component_idx != index)
			continue;
		text = btf__name_by_offset(btf, tag->name_off);
		if (!strncmp(text, UNIT_TAG, strlen(UNIT_TAG)))
			return xstrdup(text + strlen(UNIT_TAG));
	}
	return NULL;
}

/* Where in the whole a type is met. */
struct place {
	const char *name;
	const char *unit;	/* NULL: unknown */
	uint32_t offset;
	int depth;
};

static int add_type(struct schema *schema, const struct btf *btf, uint32_t id,
		    struct place place, char **why);

static int add_members(struct schema *schema, const struct btf *btf,
		       uint32_t id, struct place outer, char **why)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	int i, err = 0;

	for (i = 0; i < btf_vlen(type) && !err; i++) {
		const struct btf_member *member = &btf_members(type)[i];
		const char *name = btf__name_by_offset(btf, member->name_off);
		uint32_t bit = btf_member_bit_offset(type, i);
		char *unit = member_unit(btf, id, i);
		char *full = xprintf("%s%s%s", outer.name,
				     *outer.name && *name ? "." : "", name);
		struct place inner = {
			.name = full,
			.unit = unit ? unit : outer.unit,
			.offset = outer.offset + bit / 8,
			.depth = outer.depth + 1,
		};

		if (btf_member_bitfield_size(type, i) || bit % 8)
			err = refuse(why, full, "a bitfield");
		else
			err = add_type(schema, btf, member->type, inner, why);
		free(full);
		free(unit);
	}
	return err;
}

static int add_type(struct schema *schema, const struct btf *btf, uint32_t id,
		    struct place place, char **why)
{
	const struct btf_type *type;
	uint64_t count = 1;
	struct field *field;
	bool array = false;
	uint32_t scalar;

	id = bare_id(btf, id);
	type = btf__type_by_id(btf, id);
	if (type && btf_is_struct(type)) {
		if (place.depth > DEPTH_MAX)
			return refuse(why, place.name, "nested too deeply");
		return add_members(schema, btf, id, place, why);
	}

	/* Arrays of arrays become one long array. */
	while (type && btf_is_array(type)) {
		count *= btf_array(type)->nelems;
		if (!count || count > UINT32_MAX)
			return refuse(why, place.name,
				      count ? "too long an array" :
					      "an array of no known size");
		id = bare_id(btf, btf_array(type)->type);
		type = btf__type_by_id(btf, id);
		array = true;
	}

	scalar = type ? scalar_type(btf, type) : 0;
	if (!scalar)
		return refuse(why, place.name, kind_in_words(type, array));

	field = schema_add(schema, xstrdup(place.name),
			   place.unit ? xstrdup(place.unit) : NULL);
	field->type = scalar;
	field->offset = place.offset;
	field->count = count;
	return 0;
}

int schema_from_btf(struct schema *schema, const struct btf *btf, uint32_t id,
		    const char *name, char **why)
{
	const struct btf_type *type;
	struct place whole = { .name = name };
	int err;

	type = btf__type_by_id(btf, bare_id(btf, id));
	if (type && btf_is_struct(type))
		whole.name = "";	/* its members have names of their own */
	err = add_type(schema, btf, id, whole, why);
	if (err)
		schema_free(schema);
	return err;
}
