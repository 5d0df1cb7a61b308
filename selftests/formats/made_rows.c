// SPDX-License-Identifier: GPL-2.0-only
/* Packed rows of a store that has fields of every type, without a kernel. */
#include <float.h>
#include <math.h>
#include <string.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

#include "kmlopsctl.h"
#include "made_rows.h"

#define CPUS	3

struct made_key {
	uint32_t pid;
	uint16_t cpu;
};

struct made_value {
	uint8_t u8;
	int8_t s8;
	uint16_t u16;
	int16_t s16;
	uint32_t u32;
	int32_t s32;
	uint64_t u64;
	int64_t s64;
	bool flag;
	char letter[1];
	char comm[14];
	float f32;
	double f64;
	uint64_t lasts[3];
	bool flags[5];
	uint8_t bytes[3];
	float floats[2];
};

struct made_row {
	struct kmlops_row head;
	struct made_key key;
	struct made_value value;
};

static void add(struct schema *schema, const char *name, uint32_t type,
		uint32_t offset, uint32_t count, const char *unit)
{
	struct field *field = schema_add(schema, xstrdup(name),
					 unit ? xstrdup(unit) : NULL);

	field->type = type;
	field->offset = offset;
	field->count = count;
}

void made_store(struct store *store)
{
	*store = (struct store){
		.name = "made",
		.mode = KERNMLOPS_STORE_MODE_HISTORY,
		.key_size = sizeof(struct made_key),
		.value_size = sizeof(struct made_value),
	};
#define KEY(field, type)						\
	add(&store->key, #field, KERNMLOPS_FIELD_TYPE_##type,		\
	    offsetof(struct made_key, field), 1, NULL)
#define VALUE(field, type, count, unit)					\
	add(&store->value, #field, KERNMLOPS_FIELD_TYPE_##type,		\
	    offsetof(struct made_value, field), count, unit)
	KEY(pid, U32);
	KEY(cpu, U16);
	VALUE(u8, U8, 1, NULL);
	VALUE(s8, S8, 1, NULL);
	VALUE(u16, U16, 1, NULL);
	VALUE(s16, S16, 1, NULL);
	VALUE(u32, U32, 1, NULL);
	VALUE(s32, S32, 1, NULL);
	VALUE(u64, U64, 1, "bytes");
	VALUE(s64, S64, 1, "ns");
	VALUE(flag, BOOL, 1, NULL);
	VALUE(letter, CHAR, 1, NULL);
	VALUE(comm, CHAR, 14, NULL);
	VALUE(f32, F32, 1, NULL);
	VALUE(f64, F64, 1, NULL);
	VALUE(lasts, U64, 3, "ns");
	VALUE(flags, BOOL, 5, NULL);
	VALUE(bytes, U8, 3, NULL);
	VALUE(floats, F32, 2, NULL);
#undef KEY
#undef VALUE
}

/* Every bit of @i changes all bits of the result: splitmix64. */
static uint64_t mix(uint64_t i)
{
	i += 0x9e3779b97f4a7c15;
	i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9;
	i = (i ^ i >> 27) * 0x94d049bb133111eb;
	return i ^ i >> 31;
}

static void make_row(struct made_row *row, uint64_t i)
{
	static const char *const comms[] = {
		"", "a", "fourteen bytes", "caf\xc3\xa9", "\xff(", "kworker/0:1",
		"systemd", "ksoftirqd/1", "bash", "rcu_preempt", "migration/2",
		"kcompactd0", "sshd", "khugepaged", "python3", "postgres",
	};
	static const double doubles[] = {
		0.0, -0.0, 1.5, DBL_MAX, -DBL_MIN, INFINITY, -INFINITY, NAN,
	};
	struct made_value *value = &row->value;
	uint64_t random = mix(i);
	unsigned int j;

	memset(row, 0, sizeof(*row));
	row->head.time = 1000000000 + 10 * i;
	row->head.seq = (i % CPUS) << KMLOPS_ROW_POS_BITS | (i / CPUS + 1);
	row->key.pid = random % 100;
	row->key.cpu = i % CPUS;
	/* The first rows have the ends of each type. */
	if (i < 2)
		random = i - 1;
	value->u8 = random;
	value->s8 = random >> (i < 2 ? 57 : 3);
	value->u16 = random;
	value->s16 = random >> (i < 2 ? 49 : 5);
	value->u32 = random;
	value->s32 = random >> (i < 2 ? 33 : 7);
	value->u64 = random;
	value->s64 = i < 2 ? (int64_t)(INT64_MAX + i) : (int64_t)mix(random);
	value->flag = random & 1;
	value->letter[0] = 'a' + i % 26;
	memcpy(value->comm, comms[i % 16], strlen(comms[i % 16]));
	value->f32 = i % 7 ? (float)random : doubles[i % 8];
	value->f64 = i % 3 ? (double)random / 3 : doubles[i % 8];
	for (j = 0; j < 3; j++) {
		value->lasts[j] = random + j;
		value->bytes[j] = i + j;
	}
	for (j = 0; j < 5; j++)
		value->flags[j] = i >> j & 1;
	value->floats[0] = i / 2.0;
	value->floats[1] = -value->f32;
}

void made_rows(void *rows, uint64_t first, uint32_t nr)
{
	struct made_row row;
	uint32_t i;

	for (i = 0; i < nr; i++) {
		make_row(&row, first + i);
		memcpy((uint8_t *)rows + i * sizeof(row), &row, sizeof(row));
	}
}
