// SPDX-License-Identifier: GPL-2.0-only
/* KEY on the command line. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>

#include "key.h"
#include "kmlopsctl.h"

static bool parse_hex(uint8_t *key, uint32_t size, const char *word)
{
	uint32_t i;

	if (strlen(word) != 2 * (size_t)size)
		goto misread;
	for (i = 0; i < size; i++) {
		if (!isxdigit((unsigned char)word[2 * i]) ||
		    !isxdigit((unsigned char)word[2 * i + 1]))
			goto misread;
		sscanf(word + 2 * i, "%2hhx", &key[i]);
	}
	return true;
misread:
	fail_usage("a key of this store is %u bytes: hex: and %u hexadecimal digits",
		   size, 2 * size);
	return false;
}

static bool parse_number(const struct field *field, uint8_t *to,
			 const char *word)
{
	unsigned int bits = field_type_size(field->type) * 8;
	bool is_signed = field->type >= KERNMLOPS_FIELD_TYPE_S8 &&
			 field->type <= KERNMLOPS_FIELD_TYPE_S64;
	const char *digits = word + (*word == '-');
	int base = !strncmp(digits, "0x", 2) ? 16 : 10;
	uint64_t magnitude, most = UINT64_MAX >> (64 - bits);
	char *end;

	if (is_signed)		/* -2^(n-1) to 2^(n-1)-1 */
		most = (most >> 1) + (*word == '-');
	else if (*word == '-')
		most = 0;
	if (field->type == KERNMLOPS_FIELD_TYPE_BOOL)
		most = 1;

	errno = 0;
	magnitude = strtoull(digits, &end, base);
	if (!isdigit((unsigned char)*digits) || *end || errno ||
	    magnitude > most) {
		fail_usage("\"%s\" is no value of the key field %s, which is of type %s",
			   word, field->name, field_type_name(field->type));
		return false;
	}
	if (*word == '-')
		magnitude = -magnitude;
	memcpy(to, &magnitude, bits / 8);
	return true;
}

static bool parse_field(const struct field *field, uint8_t *key,
			const char *word)
{
	uint8_t *to = key + field->offset;

	if (field->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		if (strlen(word) > field->count) {
			fail_usage("the key field %s holds at most %u characters",
				   field->name, field->count);
			return false;
		}
		memcpy(to, word, strlen(word));
		return true;
	}
	if (field->count != 1 || !field_type_size(field->type) ||
	    field->type == KERNMLOPS_FIELD_TYPE_F32 ||
	    field->type == KERNMLOPS_FIELD_TYPE_F64) {
		fail_usage("the key field %s is no whole number: give the key as hex:BYTES",
			   field->name);
		return false;
	}
	return parse_number(field, to, word);
}

static bool parse_fields(const struct store *store, uint8_t *key, char *words)
{
	bool *given = xalloc(store->key.nr * sizeof(*given));
	bool good = false;
	unsigned int i;
	char *word;

	for (word = strtok(words, ","); word; word = strtok(NULL, ",")) {
		char *value = strchr(word, '=');

		if (!value) {
			fail_usage("\"%s\": the key of this store has %u fields, give it as FIELD=VALUE,... or hex:BYTES",
				   word, store->key.nr);
			goto out;
		}
		*value++ = 0;
		for (i = 0; i < store->key.nr; i++)
			if (!strcmp(store->key.fields[i].name, word))
				break;
		if (i == store->key.nr || given[i]) {
			fail_usage(i == store->key.nr ?
				   "the key has no field %s" :
				   "the key field %s is given twice", word);
			goto out;
		}
		if (!parse_field(&store->key.fields[i], key, value))
			goto out;
		given[i] = true;
	}
	for (i = 0; i < store->key.nr; i++) {
		if (!given[i]) {
			fail_usage("the key field %s is missing",
				   store->key.fields[i].name);
			goto out;
		}
	}
	good = true;
out:
	free(given);
	return good;
}

void *key_parse(const struct store *store, const char *word)
{
	uint8_t *key = xalloc(store->key_size);
	char *words;
	bool good;

	if (!strncmp(word, "hex:", 4)) {
		good = parse_hex(key, store->key_size, word + 4);
	} else if (store->key.nr == 1 && !strchr(word, '=')) {
		good = parse_field(&store->key.fields[0], key, word);
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
