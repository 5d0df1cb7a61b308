// SPDX-License-Identifier: GPL-2.0-only
/* Keys and values on the command line, by their fields. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "kmlopsctl.h"
#include "values.h"

static bool parse_hex(const char *what, uint8_t *to, uint32_t size,
		      const char *word)
{
	uint32_t i;

	if (strlen(word) != 2 * (size_t)size)
		goto misread;
	for (i = 0; i < size; i++) {
		if (!isxdigit((unsigned char)word[2 * i]) ||
		    !isxdigit((unsigned char)word[2 * i + 1]))
			goto misread;
		sscanf(word + 2 * i, "%2hhx", &to[i]);
	}
	return true;
misread:
	fail_usage("a %s of this store is %u bytes: hex: and %u hexadecimal digits",
		   what, size, 2 * size);
	return false;
}

static bool parse_integer(uint32_t type, uint8_t *to, const char *word)
{
	unsigned int bits = field_type_size(type) * 8;
	bool is_signed = type >= KERNMLOPS_FIELD_TYPE_S8 &&
			 type <= KERNMLOPS_FIELD_TYPE_S64;
	const char *digits = word + (*word == '-');
	int base = !strncmp(digits, "0x", 2) ? 16 : 10;
	uint64_t magnitude, most = UINT64_MAX >> (64 - bits);
	char *end;

	if (is_signed)		/* -2^(n-1) to 2^(n-1)-1 */
		most = (most >> 1) + (*word == '-');
	else if (*word == '-')
		most = 0;
	if (type == KERNMLOPS_FIELD_TYPE_BOOL)
		most = 1;

	errno = 0;
	magnitude = strtoull(digits, &end, base);
	if (!isdigit((unsigned char)*digits) || *end || errno ||
	    magnitude > most)
		return false;
	if (*word == '-')
		magnitude = -magnitude;
	memcpy(to, &magnitude, bits / 8);
	return true;
}

static bool parse_float(uint32_t type, uint8_t *to, const char *word)
{
	double number;
	float single;
	char *end;

	number = strtod(word, &end);
	if (end == word || *end)
		return false;
	if (type == KERNMLOPS_FIELD_TYPE_F64) {
		memcpy(to, &number, sizeof(number));
		return true;
	}
	single = number;
	memcpy(to, &single, sizeof(single));
	return true;
}

/* Elements of an array are separated by colons; those not given are zero. */
static bool parse_field(const char *what, const struct field *field,
			uint8_t *to, const char *word)
{
	bool is_float = field->type == KERNMLOPS_FIELD_TYPE_F32 ||
			field->type == KERNMLOPS_FIELD_TYPE_F64;
	char *elements, *rest, *element;
	bool good = true;
	uint32_t nr = 0;

	to += field->offset;
	if (field->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		if (strlen(word) > field->count) {
			fail_usage("the %s field %s holds at most %u characters",
				   what, field->name, field->count);
			return false;
		}
		memcpy(to, word, strlen(word));
		return true;
	}

	elements = xstrdup(word);
	rest = elements;
	while (good && (element = strsep(&rest, ":"))) {
		good = nr++ < field->count &&
		       (is_float ? parse_float(field->type, to, element) :
				   parse_integer(field->type, to, element));
		to += field_type_size(field->type);
	}
	free(elements);
	if (good)
		return true;
	if (field->count > 1)
		fail_usage("\"%s\" is no value of the %s field %s, which is of type %s[%u]: elements have colons between them",
			   word, what, field->name,
			   field_type_name(field->type), field->count);
	else
		fail_usage("\"%s\" is no value of the %s field %s, which is of type %s",
			   word, what, field->name,
			   field_type_name(field->type));
	return false;
}

/* FIELD=VALUE into its place. */
static bool parse_assignment(const char *what, const struct schema *schema,
			     uint8_t *to, bool *given, char *word)
{
	char *value = strchr(word, '=');
	unsigned int i;

	if (!value) {
		fail_usage("\"%s\" is not FIELD=VALUE", word);
		return false;
	}
	*value++ = 0;
	for (i = 0; i < schema->nr; i++)
		if (!strcmp(schema->fields[i].name, word))
			break;
	if (i == schema->nr) {
		fail_usage("the %s has no field %s", what, word);
		return false;
	}
	if (given[i]) {
		fail_usage("the %s field %s is given twice", what, word);
		return false;
	}
	given[i] = true;
	return parse_field(what, &schema->fields[i], to, value);
}

static bool parse_fields(const struct store *store, uint8_t *key, char *words)
{
	bool *given = xalloc(store->key.nr * sizeof(*given));
	bool good = true;
	unsigned int i;
	char *word;

	for (word = strtok(words, ","); word && good; word = strtok(NULL, ","))
		good = parse_assignment("key", &store->key, key, given, word);
	for (i = 0; i < store->key.nr && good; i++) {
		good = given[i];
		if (!good)
			fail_usage("the key field %s is missing",
				   store->key.fields[i].name);
	}
	free(given);
	return good;
}

void *key_parse(const struct store *store, const char *word)
{
	uint8_t *key = xalloc(store->key_size);
	char *words;
	bool good;

	if (!strncmp(word, "hex:", 4)) {
		good = parse_hex("key", key, store->key_size, word + 4);
	} else if (store->key.nr == 1 && !strchr(word, '=')) {
		good = parse_field("key", &store->key.fields[0], key, word);
	} else if (!strchr(word, '=')) {
		fail_usage("\"%s\": the key of this store has %u fields, give it as FIELD=VALUE,... or hex:BYTES",
			   word, store->key.nr);
		good = false;
	} else {
		words = xstrdup(word);
		good = parse_fields(store, key, words);
		free(words);
	}
	if (good)
		return key;
	free(key);
	return NULL;
}

void *value_parse(const struct store *store, struct args *args)
{
	uint8_t *value = xalloc(store->value_size);
	bool *given = xalloc(store->value.nr * sizeof(*given));
	bool good = true;

	if (!args_empty(args) && !strncmp(args->argv[0], "hex:", 4)) {
		good = parse_hex("value", value, store->value_size,
				 args_next(args, "the value") + 4) &&
		       args_end(args);
	} else {
		while (good && !args_empty(args)) {
			char *word = xstrdup(args_next(args, "a field"));

			good = parse_assignment("value", &store->value, value,
						given, word);
			free(word);
		}
	}
	free(given);
	if (good)
		return value;
	free(value);
	return NULL;
}
