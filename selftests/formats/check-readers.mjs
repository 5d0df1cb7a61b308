// SPDX-License-Identifier: GPL-2.0-only
//
// check-readers.mjs DIR: what apache-arrow, hyparquet and DuckDB read from the
// Arrow and Parquet files in DIR is what the CSV files beside them say. Files are
// called ROWS.FORMAT. Prints TAP.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC, RecordBatchReader } from "apache-arrow";
import { parquetMetadataAsync, parquetReadObjects, asyncBufferFromFile } from "hyparquet";
import { DuckDBInstance } from "@duckdb/node-api";

const dir = process.argv[2];
let n = 0, failed = 0;

function report(what, trouble) {
	n++;
	if (trouble) {
		failed = 1;
		console.log(`not ok ${n} - ${what}\n# ${trouble}`);
	} else {
		console.log(`ok ${n} - ${what}`);
	}
}

async function check(what, run) {
	let trouble;
	try {
		trouble = await run();
	} catch (error) {
		trouble = String(error.stack).replaceAll("\n", "\n# ");
	}
	report(what, trouble);
}

// The strings of the made rows need no quotes.
function readCsv(rows) {
	const [head, ...lines] = readFileSync(join(dir, `${rows}.csv`), "utf8").trimEnd().split("\n");
	return { names: head.split(","), lines: lines.map((line) => line.split(",")) };
}

// Whether a value of a reader is what the text says; F32 and F64 by their bits.
function same(value, text) {
	if (typeof value === "boolean")
		return text === (value ? "1" : "0");
	if (typeof value === "bigint")
		return text === value.toString();
	if (typeof value === "number") {
		const number = text.endsWith("nan") ? NaN : text === "inf" ? Infinity :
			text === "-inf" ? -Infinity : Number(text);
		return Object.is(value, number) || Object.is(value, Math.fround(number));
	}
	return value === text;
}

// rows: an array of arrays of values, in the order of the columns of the CSV.
function compare(csv, count, valuesOf) {
	if (count !== csv.lines.length)
		return `${count} rows, not ${csv.lines.length}`;
	for (let row = 0; row < count; row++) {
		const values = valuesOf(row);
		if (values.length !== csv.names.length)
			return `row ${row}: ${values.length} values, not ${csv.names.length}`;
		for (let c = 0; c < values.length; c++)
			if (!same(values[c], csv.lines[row][c]))
				return `row ${row}, ${csv.names[c]}: ${values[c]}, not ${csv.lines[row][c]}`;
	}
}

// Lists become one value for each element, as in CSV.
function flatten(values) {
	return values.flatMap((value) => value !== null && typeof value === "object" ?
		[...value] : [value]);
}

const arrowTypes = {
	time: "Int64", seq: "Uint64", pid: "Uint32", cpu: "Uint16", u8: "Uint8", s8: "Int8",
	u16: "Uint16", s16: "Int16", u32: "Uint32", s32: "Int32", u64: "Uint64", s64: "Int64",
	flag: "Bool", letter: "Utf8", comm: "Utf8", f32: "Float32", f64: "Float64",
	lasts: "FixedSizeList[3]<Uint64>", flags: "FixedSizeList[5]<Bool>",
	bytes: "FixedSizeList[3]<Uint8>", floats: "FixedSizeList[2]<Float32>",
};

// A stream that has rows was begun before anyone knew how many.
function checkAbout(text, rows) {
	const about = JSON.parse(text);
	if (about.clock !== "CLOCK_MONOTONIC" || about.store.name !== "made" || about.rows !== rows)
		return `metadata: ${text}`;
}

function checkArrow(format, rows) {
	const csv = readCsv(rows);
	const bytes = readFileSync(join(dir, `${rows}.${format}`));
	if (RecordBatchReader.from(bytes).isFile() !== (format === "arrow"))
		return "the reader takes it for another kind";
	const table = tableFromIPC(bytes);
	for (const field of table.schema.fields) {
		if (String(field.type) !== arrowTypes[field.name] || field.nullable)
			return `${field.name} is ${field}`;
	}
	if (table.schema.fields.find((field) => field.name === "u64").metadata.get("unit") !== "bytes")
		return "u64 has lost its unit";
	if (rows > 131072 && table.batches.length < 2)
		return "all rows are in one batch";
	// Columns are read batch by batch: random access by row would be slow.
	const read = [];
	for (const batch of table.batches) {
		const columns = batch.schema.fields.map((field, i) => batch.getChildAt(i));
		for (let row = 0; row < batch.numRows; row++)
			read.push(flatten(columns.map((column) => column.get(row))));
	}
	return checkAbout(table.schema.metadata.get("kernmlops"), format === "arrow" || !rows ? rows : null) ??
		compare(csv, read.length, (row) => read[row]);
}

async function checkHyparquet(rows) {
	const csv = readCsv(rows);
	const file = await asyncBufferFromFile(join(dir, `${rows}.parquet`));
	const metadata = await parquetMetadataAsync(file);
	if (rows > 131072 && metadata.row_groups.length < 2)
		return "all rows are in one row group";
	if (metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0) !== rows)
		return "the row groups have other rows";
	const about = metadata.key_value_metadata.find((entry) => entry.key === "kernmlops");
	const read = rows ? await parquetReadObjects({ file, metadata }) : [];
	return checkAbout(about.value, rows) ??
		compare(csv, read.length, (row) => csv.names.map((name) => read[row][name]));
}

const duckTypes = {
	time: "BIGINT", seq: "UBIGINT", pid: "UINTEGER", cpu: "USMALLINT", u8: "UTINYINT",
	s8: "TINYINT", u16: "USMALLINT", s16: "SMALLINT", u32: "UINTEGER", s32: "INTEGER",
	u64: "UBIGINT", s64: "BIGINT", flag: "BOOLEAN", letter: "VARCHAR", comm: "VARCHAR",
	f32: "FLOAT", f64: "DOUBLE", lasts_0: "UBIGINT", flags_4: "BOOLEAN", bytes_2: "UTINYINT",
	floats_1: "FLOAT",
};

async function checkDuckDb(connection, rows) {
	const csv = readCsv(rows);
	const reader = await connection.runAndReadAll(
		`SELECT * FROM read_parquet('${join(dir, `${rows}.parquet`)}')`);
	const types = reader.columnTypes().map(String), names = reader.columnNames();
	for (const [name, type] of Object.entries(duckTypes))
		if (types[names.indexOf(name)] !== type)
			return `${name} is ${types[names.indexOf(name)]}, not ${type}`;
	const read = reader.getRows();
	return compare(csv, read.length, (row) => read[row]);
}

// One table of many files; the limits of the times must let no row slip.
async function checkDuckDbDirectory(connection) {
	const files = readdirSync(dir).filter((name) => name.endsWith(".parquet"));
	const rows = files.reduce((sum, name) => sum + parseInt(name), 0);
	const query = async (sql) => (await connection.runAndReadAll(sql)).getRows()[0].map(Number);
	const [count, sum] = await query(
		`SELECT count(*), sum(time - 1000000000) FROM read_parquet('${dir}/*.parquet')`);
	const expected = files.reduce((sum, name) =>
		sum + 10 * parseInt(name) * (parseInt(name) - 1) / 2, 0);
	if (count !== rows || sum !== expected)
		return `${count} rows with times of ${sum}, not ${rows} of ${expected}`;
	const most = Math.max(...files.map((name) => parseInt(name)));
	for (const [at, found] of [[0, 1], [most - 1, 1], [most, 0], [130000, 1], [131072, 1]]) {
		const [hits] = await query(`SELECT count(*) FROM read_parquet('${dir}/${most}.parquet') ` +
			`WHERE time = ${1000000000 + 10 * at}`);
		if (hits !== found)
			return `row ${at} of ${most} is found ${hits} times by its time`;
	}
}

const sizes = readdirSync(dir).filter((name) => name.endsWith(".csv"))
	.map((name) => parseInt(name)).sort((a, b) => a - b);
const connection = await (await DuckDBInstance.create()).connect();
for (const rows of sizes) {
	for (const format of ["arrow", "arrows"])
		await check(`apache-arrow reads ${rows} rows of ${format}`, () => checkArrow(format, rows));
	await check(`hyparquet reads ${rows} rows`, () => checkHyparquet(rows));
	await check(`DuckDB reads ${rows} rows of Parquet`, () => checkDuckDb(connection, rows));
}
await check("DuckDB reads all files as one table, and by time", () => checkDuckDbDirectory(connection));
process.exit(failed);
