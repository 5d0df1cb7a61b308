// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exports read back: each row is what was written, and a file that is cut or
 * damaged is refused or gives other rows, but nothing worse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "made_rows.h"
#include "output.h"
#include "recorded_rows.h"
#include "row_writer.h"		/* before cmocka makes a macro of fail() */
#include <cmocka.h>

#define ROWS		3000
#define DAMAGES		3000
#define CUT_STEP	997

static struct store store;
static struct columns columns;
static uint8_t *rows;
static char path[] = "/tmp/test_recorded.XXXXXX";
static uint64_t seed = 1;

static uint64_t random_number(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 33;
}

static const struct column *column_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < columns.nr; i++)
		if (!strcmp(columns.columns[i].name, name))
			return &columns.columns[i];
	return NULL;
}

static uint8_t *row_at(uint32_t i)
{
	return rows + (size_t)i * columns.row_size;
}

/* Text that is no UTF-8 is written as U+FFFD for each byte. */
static void replace_text(void)
{
	const struct column *comm = column_of("comm");
	uint32_t i;

	for (i = 0; i < ROWS; i++) {
		char *text = (char *)row_at(i) + comm->offset;

		if (!strcmp(text, "\xff("))
			strcpy(text, "\xef\xbf\xbd(");
	}
}

static void write_file(enum format format)
{
	struct json_object *json = json_object_new_object();
	struct row_writer writer;
	FILE *out = fopen(path, "w+");

	assert_non_null(out);
	json_object_object_add(json, "columns", columns_json(&columns));
	rows_begin(&writer, format, &columns, json_object_to_json_string(json), out);
	rows_write(&writer, rows, ROWS);
	assert_int_equal(rows_end(&writer, true), 0);
	fclose(out);
	json_object_put(json);
}

/* How many rows there are before the end, or before what is refused. */
static uint32_t read_file(bool same, int *code)
{
	struct row_source source;
	const uint8_t *row;
	uint32_t nr = 0;

	*code = source_open(&source, path, &store);
	while (*code == DONE && (row = source_next(&source, code))) {
		if (same)
			assert_memory_equal(row, row_at(nr), columns.row_size);
		nr++;
	}
	source_close(&source);
	return nr;
}

static void read_back(enum format format)
{
	int code;

	write_file(format);
	assert_int_equal(read_file(true, &code), ROWS);
	assert_int_equal(code, DONE);
}

static void test_npy(void **state)
{
	read_back(FORMAT_NPY);
}

static void test_arrow(void **state)
{
	replace_text();
	read_back(FORMAT_ARROW);
}

/* What other stores have is refused, whatever is in the rows. */
static void test_other_fields(void **state)
{
	struct field *field = &store.value.fields[2];
	int code;

	field->type = KERNMLOPS_FIELD_TYPE_S16;
	assert_int_equal(read_file(false, &code), 0);
	assert_int_equal(code, REFUSED);
	field->type = KERNMLOPS_FIELD_TYPE_U16;
	read_file(true, &code);
	assert_int_equal(code, DONE);
}

static uint8_t *file_bytes(size_t *size)
{
	FILE *in = fopen(path, "r");
	struct stat info;
	uint8_t *bytes;

	assert_non_null(in);
	fstat(fileno(in), &info);
	*size = info.st_size;
	bytes = malloc(*size);
	assert_int_equal(fread(bytes, 1, *size, in), *size);
	fclose(in);
	return bytes;
}

static void put_bytes(const uint8_t *bytes, size_t size)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	fclose(out);
}

/* Only what stands behind the last row may be missing: Arrow's footer. */
static void cut(enum format format)
{
	size_t size, at;
	uint8_t *bytes;
	int code;

	write_file(format);
	bytes = file_bytes(&size);
	for (at = 0; at < size; at += CUT_STEP) {
		uint32_t nr;

		put_bytes(bytes, at);
		nr = read_file(true, &code);
		assert_true(code == REFUSED || nr == ROWS);
	}
	free(bytes);
}

static void test_cut(void **state)
{
	cut(FORMAT_NPY);
	cut(FORMAT_ARROW);
}

/* Half of the places are where the descriptions of rows are. */
static void test_damaged(void **state)
{
	size_t size, at;
	uint8_t *bytes, was;
	int i, code, refused = 0;

	write_file(FORMAT_ARROW);
	bytes = file_bytes(&size);
	for (i = 0; i < DAMAGES; i++) {
		at = random_number() % (i % 2 ? 6000 : size);
		was = bytes[at];
		bytes[at] = i % 3 ? random_number() : 0xff;
		put_bytes(bytes, size);
		read_file(false, &code);
		assert_true(code == REFUSED || code == DONE);
		refused += code == REFUSED;
		bytes[at] = was;
	}
	assert_true(refused > 100);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_npy),
		cmocka_unit_test(test_arrow),
		cmocka_unit_test(test_other_fields),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
	};
	int fd = mkstemp(path), failed;

	/* Each refusal is a sentence. */
	if (fd < 0 || !freopen("/dev/null", "w", stderr))
		return 1;
	close(fd);
	made_store(&store);
	columns_of_store(&columns, &store);
	rows = xalloc((size_t)ROWS * columns.row_size);
	made_rows(rows, 0, ROWS);

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	free(rows);
	columns_free(&columns);
	schema_free(&store.key);
	schema_free(&store.value);
	return failed;
}
