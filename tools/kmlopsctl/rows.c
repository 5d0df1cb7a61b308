// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed rows in each format. They may be many: everything is written as it
 * comes, nothing but the first batch of a table is kept.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernmlops.h>
#include <linux/kernmlops_row.h>

#include "kmlopsctl.h"
#include "netlink.h"
#include "output.h"
#include "rows.h"

/* What a format does; any of them may be NULL. */
struct row_format {
	void (*begin)(struct row_writer *writer);
	/* Before the rows of each batch. */
	void (*batch)(struct row_writer *writer, const uint8_t *rows,
		      uint32_t nr);
	void (*row)(struct row_writer *writer, const uint8_t *row);
	void (*end)(struct row_writer *writer);
};

/* Numbers. */

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

/* The element, sign-extended if *@is_signed says that its type has a sign. */
static uint64_t read_integer(uint32_t type, const uint8_t *p, bool *is_signed)
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

/* One element; all but char. JSON has no infinities and its own words. */
static void put_element(FILE *out, uint32_t type, const uint8_t *p, bool json)
{
	bool is_signed;
	uint64_t v;

	if (type == KERNMLOPS_FIELD_TYPE_F32 ||
	    type == KERNMLOPS_FIELD_TYPE_F64) {
		float single;
		double number;

		if (type == KERNMLOPS_FIELD_TYPE_F32) {
			memcpy(&single, p, sizeof(single));
			number = single;
		} else {
			memcpy(&number, p, sizeof(number));
		}
		if (json && !isfinite(number))
			fputs("null", out);
		else	/* digits enough to give the same number back */
			fprintf(out, "%.*g", type == KERNMLOPS_FIELD_TYPE_F32 ?
				9 : 17, number);
		return;
	}
	v = read_integer(type, p, &is_signed);
	if (json && type == KERNMLOPS_FIELD_TYPE_BOOL)
		fputs(v ? "true" : "false", out);
	else if (is_signed)
		put_s64(out, v);
	else
		put_u64(out, v);
}

/* Strings. */

/* Bytes of the UTF-8 character at @s, 0 if there is none. */
static size_t utf8_length(const uint8_t *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t len, i;

	if (*s < 0x80)
		return 1;
	len = (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 :
	      (*s & 0xf8) == 0xf0 ? 4 : 0;
	if (!len || len > left)
		return 0;
	code = *s & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return len;
}

static void put_json_string(FILE *out, const void *string, size_t size)
{
	const uint8_t *s = string;
	size_t i, len;

	putc_unlocked('"', out);
	for (i = 0; i < size; i += len) {
		size_t plain = 0;

		while (i + plain < size && s[i + plain] >= 0x20 &&
		       s[i + plain] < 0x7f && s[i + plain] != '"' &&
		       s[i + plain] != '\\')
			plain++;
		fwrite_unlocked(s + i, 1, plain, out);
		i += plain;
		if (i == size)
			break;
		len = utf8_length(s + i, size - i);
		if (!len) {
			fputs("\\ufffd", out);
			len = 1;
		} else if (s[i] == '"' || s[i] == '\\') {
			fprintf(out, "\\%c", s[i]);
		} else if (s[i] < 0x20 || s[i] == 0x7f) {
			fprintf(out, "\\u%04x", s[i]);
		} else {
			fwrite_unlocked(s + i, 1, len, out);
		}
	}
	putc_unlocked('"', out);
}

static void put_csv_string(FILE *out, const char *s, size_t size)
{
	size_t i;

	if (!memchr(s, ',', size) && !memchr(s, '"', size) &&
	    !memchr(s, '\n', size) && !memchr(s, '\r', size)) {
		fwrite_unlocked(s, 1, size, out);
		return;
	}
	putc_unlocked('"', out);
	for (i = 0; i < size; i++) {
		if (s[i] == '"')
			putc_unlocked('"', out);
		putc_unlocked(s[i], out);
	}
	putc_unlocked('"', out);
}

/* JSON and JSON lines. */

static void put_json_column(FILE *out, const struct column *column,
			    const uint8_t *row)
{
	unsigned int size = field_type_size(column->type);
	const uint8_t *p = row + column->offset;
	uint32_t i;

	if (column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
		put_json_string(out, p, strnlen((char *)p, column->count));
		return;
	}
	if (column->count == 1) {
		put_element(out, column->type, p, true);
		return;
	}
	putc_unlocked('[', out);
	for (i = 0; i < column->count; i++, p += size) {
		if (i)
			putc_unlocked(',', out);
		put_element(out, column->type, p, true);
	}
	putc_unlocked(']', out);
}

static void put_json_row(FILE *out, const struct columns *columns,
			 const uint8_t *row)
{
	unsigned int i;

	for (i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->columns[i];

		putc_unlocked(i ? ',' : '{', out);
		fputs_unlocked(column->json, out);
		put_json_column(out, column, row);
		/* The clock stands behind what it is the clock of. */
		if (i == 1)
			fputs(",\"clock\":\"CLOCK_MONOTONIC\"", out);
	}
	putc_unlocked('}', out);
}

static void jsonl_row(struct row_writer *writer, const uint8_t *row)
{
	put_json_row(writer->out, writer->columns, row);
	putc_unlocked('\n', writer->out);
}

static void json_begin(struct row_writer *writer)
{
	putc_unlocked('[', writer->out);
}

static void json_row(struct row_writer *writer, const uint8_t *row)
{
	if (writer->rows)
		putc_unlocked(',', writer->out);
	if (opt.pretty)
		fputs("\n  ", writer->out);
	put_json_row(writer->out, writer->columns, row);
}

static void json_end(struct row_writer *writer)
{
	fputs(opt.pretty && writer->rows ? "\n]\n" : "]\n", writer->out);
}

/* CSV: an array has a column for each element. */

static void csv_begin(struct row_writer *writer)
{
	const struct columns *columns = writer->columns;
	unsigned int c;
	uint32_t i;

	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];
		const char *comma = c ? "," : "";

		if (column->count == 1 ||
		    column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
			fputs(comma, writer->out);
			put_csv_string(writer->out, column->name,
				       strlen(column->name));
			continue;
		}
		for (i = 0; i < column->count; i++) {
			char *name = xprintf("%s_%u", column->name, i);

			fputs(i ? "," : comma, writer->out);
			put_csv_string(writer->out, name, strlen(name));
			free(name);
		}
	}
	putc_unlocked('\n', writer->out);
}

static void csv_row(struct row_writer *writer, const uint8_t *row)
{
	const struct columns *columns = writer->columns;
	unsigned int c;
	uint32_t i;

	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];
		unsigned int size = field_type_size(column->type);
		const uint8_t *p = row + column->offset;

		if (c)
			putc_unlocked(',', writer->out);
		if (column->type == KERNMLOPS_FIELD_TYPE_CHAR) {
			put_csv_string(writer->out, (char *)p,
				       strnlen((char *)p, column->count));
			continue;
		}
		for (i = 0; i < column->count; i++, p += size) {
			if (i)
				putc_unlocked(',', writer->out);
			put_element(writer->out, column->type, p, false);
		}
	}
	putc_unlocked('\n', writer->out);
}

/*
 * NPY: a structured array whose dtype is the packed row itself, so that rows
 * are written as they come. Padding is spelled as numpy itself spells it, by
 * fields without a name. The header says how many rows there are: it is
 * written with room for any number, and again when the number is known.
 */

#define NPY_PREAMBLE	10	/* magic, version, length of the header */
#define NPY_ALIGN	64

static const char *npy_type(uint32_t type)
{
	static const char *const names[] = {
		[KERNMLOPS_FIELD_TYPE_U8] = "|u1",
		[KERNMLOPS_FIELD_TYPE_U16] = "<u2",
		[KERNMLOPS_FIELD_TYPE_U32] = "<u4",
		[KERNMLOPS_FIELD_TYPE_U64] = "<u8",
		[KERNMLOPS_FIELD_TYPE_S8] = "|i1",
		[KERNMLOPS_FIELD_TYPE_S16] = "<i2",
		[KERNMLOPS_FIELD_TYPE_S32] = "<i4",
		[KERNMLOPS_FIELD_TYPE_S64] = "<i8",
		[KERNMLOPS_FIELD_TYPE_BOOL] = "|b1",
		[KERNMLOPS_FIELD_TYPE_F32] = "<f4",
		[KERNMLOPS_FIELD_TYPE_F64] = "<f8",
	};

	return names[type];
}

static void put_npy_padding(FILE *out, uint32_t from, uint32_t to)
{
	if (from < to)
		fprintf(out, "('', '|V%u'), ", to - from);
}

/* A string of Python; names are identifiers, but nobody enforces that. */
static void put_npy_name(FILE *out, const char *name)
{
	putc('\'', out);
	for (; *name; name++)
		if (*name < 0x20 || *name >= 0x7f || strchr("'\\", *name))
			fprintf(out, "\\x%02x", (uint8_t)*name);
		else
			putc(*name, out);
	putc('\'', out);
}

static char *npy_dict(const struct columns *columns, uint64_t rows,
		      size_t *size)
{
	unsigned int i;
	uint32_t at = 0;
	char *dict;
	FILE *out;

	out = open_memstream(&dict, size);
	if (!out) {
		fail(REFUSED, ENOMEM, "out of memory");
		exit(REFUSED);
	}
	fputs("{'descr': [", out);
	for (i = 0; i < columns->nr; i++) {
		const struct column *column = &columns->columns[i];
		uint32_t bytes = field_type_size(column->type) * column->count;

		put_npy_padding(out, at, column->offset);
		at = column->offset + bytes;
		putc('(', out);
		put_npy_name(out, column->name);
		if (column->type == KERNMLOPS_FIELD_TYPE_CHAR)
			fprintf(out, ", '|S%u'), ", bytes);
		else if (column->count > 1)
			fprintf(out, ", '%s', (%u,)), ", npy_type(column->type),
				column->count);
		else
			fprintf(out, ", '%s'), ", npy_type(column->type));
	}
	put_npy_padding(out, at, columns->row_size);
	fprintf(out, "], 'fortran_order': False, 'shape': (%" PRIu64 ",), }",
		rows);
	fclose(out);
	return dict;
}

static void npy_header(struct row_writer *writer)
{
	size_t size, total;
	char *dict;

	dict = npy_dict(writer->columns, UINT64_MAX, &size);
	free(dict);
	total = NPY_PREAMBLE + size + 1;
	total += -total % NPY_ALIGN;

	dict = npy_dict(writer->columns, writer->rows, &size);
	fwrite("\x93NUMPY\x01\x00", 1, 8, writer->out);
	putc((total - NPY_PREAMBLE) & 0xff, writer->out);
	putc((total - NPY_PREAMBLE) >> 8, writer->out);
	fprintf(writer->out, "%s%*s\n", dict,
		(int)(total - NPY_PREAMBLE - size - 1), "");
	free(dict);
}

static void npy_row(struct row_writer *writer, const uint8_t *row)
{
	fwrite_unlocked(row, writer->columns->row_size, 1, writer->out);
}

static void npy_end(struct row_writer *writer)
{
	if (!fseeko(writer->out, 0, SEEK_SET))
		npy_header(writer);
}

/* Tables for people: the first batch decides how wide the columns are. */

static bool has_human_unit(const struct column *column)
{
	return column->type == KERNMLOPS_FIELD_TYPE_U64 && column->count == 1 &&
	       column->unit && (!strcmp(column->unit, "ns") ||
				!strcmp(column->unit, "bytes"));
}

/* What a program called itself must not steer the terminal. */
static char *printable(const char *s, size_t size)
{
	char *text = xprintf("%.*s", (int)size, s), *p;

	for (p = text; *p; p++)
		if ((uint8_t)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

/* Arrays and floats: rare enough to be slow. */
static char *elements(const struct column *column, const uint8_t *p)
{
	size_t len;
	char *text;
	uint32_t i;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
		return xstrdup("?");
	for (i = 0; i < column->count; i++) {
		if (i)
			putc(' ', out);
		put_element(out, column->type, p, false);
		p += field_type_size(column->type);
	}
	fclose(out);
	return text;
}

static char *cell(const struct column *column, const uint8_t *row)
{
	const uint8_t *p = row + column->offset;
	char human[HUMAN_LEN];
	bool is_signed;
	uint64_t v;

	if (column->type == KERNMLOPS_FIELD_TYPE_CHAR)
		return printable((char *)p, column->count);
	if (column->count > 1 || column->type > KERNMLOPS_FIELD_TYPE_CHAR)
		return elements(column, p);

	v = read_integer(column->type, p, &is_signed);
	if (column->origin == COLUMN_ROW && column->unit)	/* time */
		return xprintf("%" PRIu64 ".%09" PRIu64, v / 1000000000,
			       v % 1000000000);
	if (column->origin == COLUMN_ROW)			/* seq */
		return xprintf("%" PRIu64 "/%" PRIu64, v >> KMLOPS_ROW_POS_BITS,
			       v & (UINT64_MAX >> KMLOPS_ROW_CPU_BITS));
	if (has_human_unit(column))
		return xstrdup(!strcmp(column->unit, "ns") ?
			       human_ns(human, v) : human_bytes(human, v));
	return is_signed ? xprintf("%" PRId64, (int64_t)v) :
			   xprintf("%" PRIu64, v);
}

/* Numbers stand at the right. */
static bool is_right(const struct column *column)
{
	return column->type != KERNMLOPS_FIELD_TYPE_CHAR && column->count == 1;
}

static void put_cell(struct row_writer *writer, unsigned int c, const char *s)
{
	const struct columns *columns = writer->columns;
	const int *width = writer->state;
	bool last = c == columns->nr - 1;

	if (is_right(&columns->columns[c]))
		fprintf(writer->out, "%*s", width[c], s);
	else
		fprintf(writer->out, "%-*s", last ? 0 : width[c], s);
	fputs(last ? "\n" : "  ", writer->out);
}

static void table_batch(struct row_writer *writer, const uint8_t *rows,
			uint32_t nr)
{
	const struct columns *columns = writer->columns;
	unsigned int c;
	uint32_t i;
	int *width;

	if (writer->state)
		return;
	width = xalloc(columns->nr * sizeof(*width));
	writer->state = width;
	for (c = 0; c < columns->nr; c++) {
		width[c] = strlen(columns->columns[c].name);
		for (i = 0; i < nr; i++) {
			char *text = cell(&columns->columns[c],
					  rows + i * columns->row_size);

			if ((int)strlen(text) > width[c])
				width[c] = strlen(text);
			free(text);
		}
	}
	for (c = 0; c < columns->nr; c++)
		put_cell(writer, c, columns->columns[c].name);
}

static void table_row(struct row_writer *writer, const uint8_t *row)
{
	const struct columns *columns = writer->columns;
	unsigned int c;

	for (c = 0; c < columns->nr; c++) {
		char *text = cell(&columns->columns[c], row);

		put_cell(writer, c, text);
		free(text);
	}
}

static void table_end(struct row_writer *writer)
{
	table_batch(writer, NULL, 0);	/* the header, if there was no row */
	free(writer->state);
}

static const struct row_format formats[] = {
	[FORMAT_TABLE] = {
		.batch = table_batch,
		.row = table_row,
		.end = table_end,
	},
	[FORMAT_JSON] = {
		.begin = json_begin,
		.row = json_row,
		.end = json_end,
	},
	[FORMAT_JSONL] = {
		.row = jsonl_row,
	},
	[FORMAT_CSV] = {
		.begin = csv_begin,
		.row = csv_row,
	},
	[FORMAT_NPY] = {
		.begin = npy_header,
		.row = npy_row,
		.end = npy_end,
	},
};

void rows_begin(struct row_writer *writer, enum format format,
		const struct columns *columns, FILE *out)
{
	*writer = (struct row_writer){
		.format = &formats[format],
		.columns = columns,
		.out = out,
	};
}

static void begin(struct row_writer *writer)
{
	if (!writer->begun && writer->format->begin)
		writer->format->begin(writer);
	writer->begun = true;
}

void rows_write(struct row_writer *writer, const void *rows, uint32_t nr)
{
	const uint8_t *row = rows;

	if (nr)
		begin(writer);
	if (nr && writer->format->batch)
		writer->format->batch(writer, row, nr);
	for (; nr; nr--, row += writer->columns->row_size) {
		writer->format->row(writer, row);
		writer->rows++;
	}
}

int rows_end(struct row_writer *writer, bool good)
{
	if (!good && !writer->begun)
		return 0;
	errno = 0;
	begin(writer);
	if (writer->format->end)
		writer->format->end(writer);
	if (fflush(writer->out) || ferror(writer->out))
		return errno ? -errno : -EIO;
	return 0;
}

void row_print(const struct columns *columns, const void *row)
{
	unsigned int c;
	int width = 0;

	for (c = 0; c < columns->nr; c++)
		if ((int)strlen(columns->columns[c].name) > width)
			width = strlen(columns->columns[c].name);
	for (c = 0; c < columns->nr; c++) {
		const struct column *column = &columns->columns[c];
		bool add_unit = column->unit && !has_human_unit(column);
		char *text = cell(column, row);

		printf("%-*s  %s%s%s\n", width, column->name, text,
		       add_unit ? " " : "", add_unit ? column->unit : "");
		free(text);
	}
}

void row_print_json(const struct columns *columns, const void *row)
{
	put_json_row(stdout, columns, row);
	putchar('\n');
}

/* Reading them from the kernel. */

struct dump {
	struct row_writer *writer;
	struct row_cursor *cursor;
	uint64_t *lost;
};

static int on_rows(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[KERNMLOPS_A_ROW_MAX + 1];
	struct dump *dump = arg;
	uint32_t row_size = dump->writer->columns->row_size;
	uint32_t nr;
	int err;

	err = nlc_parse(nlh, tb, KERNMLOPS_A_ROW_MAX);
	if (err)
		return err;
	/* A running total, in the last message if not in each. */
	if (tb[KERNMLOPS_A_ROW_LOST])
		*dump->lost = nlc_uint(tb[KERNMLOPS_A_ROW_LOST]);
	if (tb[KERNMLOPS_A_ROW_CURSOR] && dump->cursor) {
		dump->cursor->size = nla_len(tb[KERNMLOPS_A_ROW_CURSOR]);
		dump->cursor->data = xrealloc(dump->cursor->data,
					      dump->cursor->size);
		memcpy(dump->cursor->data, nla_data(tb[KERNMLOPS_A_ROW_CURSOR]),
		       dump->cursor->size);
	}
	if (!tb[KERNMLOPS_A_ROW_ROWS])
		return 0;

	nr = nlc_uint(tb[KERNMLOPS_A_ROW_COUNT]);
	if (nlc_uint(tb[KERNMLOPS_A_ROW_ROW_SIZE]) != row_size ||
	    (uint64_t)nr * row_size > nla_len(tb[KERNMLOPS_A_ROW_ROWS]))
		return -EBADMSG;
	rows_write(dump->writer, nla_data(tb[KERNMLOPS_A_ROW_ROWS]), nr);
	if (ferror(dump->writer->out))
		return errno ? -errno : -EIO;
	return 0;
}

int rows_dump(const char *store, const struct row_range *range,
	      struct row_cursor *cursor, struct row_writer *writer,
	      uint64_t *lost)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_GET);
	struct dump dump = {
		.writer = writer,
		.cursor = cursor,
		.lost = lost,
	};

	*lost = 0;
	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store);
	if (range->has_from)
		nlc_put_uint(msg, KERNMLOPS_A_ROW_FROM, range->from);
	if (range->has_to)
		nlc_put_uint(msg, KERNMLOPS_A_ROW_TO, range->to);
	if (cursor)
		nlc_put(msg, KERNMLOPS_A_ROW_CURSOR, cursor->data,
			cursor->size);
	return nlc_dump(msg, on_rows, &dump);
}

int rows_consume(const char *store, const struct row_cursor *cursor)
{
	struct nl_msg *msg = nlc_new(KERNMLOPS_CMD_ROW_CONSUME);

	nlc_put_string(msg, KERNMLOPS_A_ROW_STORE, store);
	nlc_put(msg, KERNMLOPS_A_ROW_CURSOR, cursor->data, cursor->size);
	return nlc_request(msg, NULL, NULL);
}
