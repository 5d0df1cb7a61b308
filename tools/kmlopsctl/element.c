// SPDX-License-Identifier: GPL-2.0-only
/* One element of a field as text. */
#include <math.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "btf_schema.h"
#include "element.h"

static void put_u64(FILE *out, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits);

	for (; v > 9; v /= 10)
		*--p = '0' + v % 10;
	*--p = '0' + v;
	fwrite_unlocked(p, 1, digits + sizeof(digits) - p, out);
}

static void put_s64(FILE *out, int64_t v)
{
	if (v < 0)
		putc_unlocked('-', out);
	put_u64(out, v < 0 ? -(uint64_t)v : v);
}

uint64_t element_integer(uint32_t type, const uint8_t *p, bool *is_signed)
{
	uint64_t v = 0;

	/* The rows are in the byte order of the machine, little-endian. */
	memcpy(&v, p, field_type_size(type));
	*is_signed = true;
	switch (type) {
	case KERNMLOPS_FIELD_TYPE_S8:
		return (int64_t)(int8_t)v;
	case KERNMLOPS_FIELD_TYPE_S16:
		return (int64_t)(int16_t)v;
	case KERNMLOPS_FIELD_TYPE_S32:
		return (int64_t)(int32_t)v;
	case KERNMLOPS_FIELD_TYPE_S64:
		return v;
	}
	*is_signed = false;
	return v;
}

static double read_float(uint32_t type, const uint8_t *p)
{
	double number;
	float single;

	if (type == KERNMLOPS_FIELD_TYPE_F32) {
		memcpy(&single, p, sizeof(single));
		return single;
	}
	memcpy(&number, p, sizeof(number));
	return number;
}

void element_write(FILE *out, uint32_t type, const uint8_t *p, bool json)
{
	bool is_signed;
	uint64_t v;

	if (type == KERNMLOPS_FIELD_TYPE_F32 ||
	    type == KERNMLOPS_FIELD_TYPE_F64) {
		double number = read_float(type, p);

		if (json && isnan(number))
			fputs("\"NaN\"", out);
		else if (json && isinf(number))
			fputs(number < 0 ? "\"-Infinity\"" : "\"Infinity\"", out);
		else if (json && !number && signbit(number))
			fputs("-0.0", out);	/* -0 is an integer to readers */
		else	/* digits enough to give the same number back */
			fprintf(out, "%.*g", type == KERNMLOPS_FIELD_TYPE_F32 ?
				9 : 17, number);
		return;
	}
	v = element_integer(type, p, &is_signed);
	if (json && type == KERNMLOPS_FIELD_TYPE_BOOL)
		fputs(v ? "true" : "false", out);
	else if (is_signed)
		put_s64(out, v);
	else
		put_u64(out, v);
}
