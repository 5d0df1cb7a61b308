// SPDX-License-Identifier: GPL-2.0-only
/* Making an eBPF map of a given schema. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "map_new.h"

/* All these functions give the id of a type of BTF, or a negative errno. */

static int add_scalar(struct btf *btf, uint32_t type)
{
	const char *name = field_type_name(type);
	unsigned int size = field_type_size(type);
	int id, encoding = 0;

	id = btf__find_by_name(btf, name);
	if (id > 0)
		return id;

	switch (type) {
	case KERNMLOPS_FIELD_TYPE_F32:
	case KERNMLOPS_FIELD_TYPE_F64:
		return btf__add_float(btf, name, size);
	case KERNMLOPS_FIELD_TYPE_BOOL:
		encoding = BTF_INT_BOOL;
		break;
	case KERNMLOPS_FIELD_TYPE_CHAR:	/* known by its name, as in C */
	case KERNMLOPS_FIELD_TYPE_S8:
	case KERNMLOPS_FIELD_TYPE_S16:
	case KERNMLOPS_FIELD_TYPE_S32:
	case KERNMLOPS_FIELD_TYPE_S64:
		encoding = BTF_INT_SIGNED;
		break;
	}
	return btf__add_int(btf, name, size, encoding);
}

static int add_field_type(struct btf *btf, const struct field *field)
{
	int element = add_scalar(btf, field->type), index;

	if (element < 0 || field->count == 1)
		return element;
	index = add_scalar(btf, KERNMLOPS_FIELD_TYPE_U32);
	return index < 0 ? index :
			   btf__add_array(btf, index, element, field->count);
}

static int add_unit(struct btf *btf, int id, int member, const char *unit)
{
	char *tag = xprintf("unit:%s", unit);
	int tag_id = btf__add_decl_tag(btf, tag, id, member);

	free(tag);
	return tag_id;
}

/* A struct: BTF wants its members right behind it, so their types come first. */
static int add_struct(struct btf *btf, const char *name,
		      const struct layout *layout)
{
	const struct schema *schema = &layout->schema;
	int *types = xalloc(schema->nr * sizeof(*types));
	unsigned int i;
	int id = 0, err = 0;

	for (i = 0; i < schema->nr && err >= 0; i++) {
		types[i] = add_field_type(btf, &schema->fields[i]);
		err = types[i];
	}
	if (err >= 0) {
		id = btf__add_struct(btf, name, layout->size);
		err = id;
	}
	for (i = 0; i < schema->nr && err >= 0; i++)
		err = btf__add_field(btf, schema->fields[i].name, types[i],
				     schema->fields[i].offset * 8, 0);
	for (i = 0; i < schema->nr && err >= 0; i++)
		if (schema->fields[i].unit)
			err = add_unit(btf, id, i, schema->fields[i].unit);
	free(types);
	return err < 0 ? err : id;
}

static int add_layout(struct btf *btf, const char *name,
		      const struct layout *layout)
{
	return layout->plain ? add_field_type(btf, layout->schema.fields) :
			       add_struct(btf, name, layout);
}

/* Names of maps are short, and have fewer characters than those of stores. */
static void map_name(char to[BPF_OBJ_NAME_LEN], const char *name)
{
	int i;

	for (i = 0; i < BPF_OBJ_NAME_LEN - 1 && name[i]; i++) {
		to[i] = name[i];
		if (!isalnum((unsigned char)to[i]) && to[i] != '.')
			to[i] = '_';
	}
	to[i] = 0;
}

static int refused(int err)
{
	if (err == EPERM)
		return fail(REFUSED, err,
			    "making a map needs root (CAP_SYS_ADMIN)");
	return fail(REFUSED, err, "cannot make the map: %s", strerror(err));
}

int map_new(const char *name, const struct layout *key,
	    const struct layout *value, uint32_t entries, int *code)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	char short_name[BPF_OBJ_NAME_LEN];
	int key_id, value_id, err, fd = -1;
	struct btf *btf = btf__new_empty();

	if (!btf) {
		*code = refused(errno);
		return -1;
	}
	key_id = add_layout(btf, "key", key);
	value_id = key_id < 0 ? key_id : add_layout(btf, "value", value);
	err = value_id < 0 ? value_id : btf__load_into_kernel(btf);
	if (!err) {
		map_name(short_name, name);
		opts.btf_fd = btf__fd(btf);
		opts.btf_key_type_id = key_id;
		opts.btf_value_type_id = value_id;
		fd = bpf_map_create(BPF_MAP_TYPE_HASH, short_name, key->size,
				    value->size, entries, &opts);
		err = fd < 0 ? -errno : 0;
	}
	btf__free(btf);		/* the map holds what is in the kernel */
	if (err)
		*code = refused(-err);
	return fd;
}
