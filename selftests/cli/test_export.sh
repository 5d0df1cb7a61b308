#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Exports: NPY, CSV, JSON lines, and what describes them.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

load_maps
works "register" kmlopsctl store register all map pinned "$PINS/maps/everything" rows 1000
works "register another" kmlopsctl store register plain map pinned "$PINS/maps/plain" rows 10
check "capture" capture 3 7

prints "NPY" "$T/all.npy: 3 rows" kmlopsctl store export all file "$T/all.npy"
golden "what describes it" meta.json cat "$T/all.npy.meta.json"

# Ten bytes, the header of the length that the last two of them tell, the rows.
header_length()
{
	low=$(dd if="$1" bs=1 skip=8 count=1 2>/dev/null | od -An -tu1)
	high=$(dd if="$1" bs=1 skip=9 count=1 2>/dev/null | od -An -tu1)
	echo $((10 + low + 256 * high))
}

length=$(header_length "$T/all.npy")
prints "the data of NPY begin at a multiple of 64" 0 echo $((length % 64))
prints "three rows of 104 bytes follow" $((length + 3 * 104)) stat -c %s "$T/all.npy"
head -c "$length" "$T/all.npy" | tail -c +11 >"$T/header"
golden "header of NPY" npy-header cat "$T/header"

works "NPY of a store with padding, without rows" kmlopsctl store export plain file "$T/plain.npy"
length=$(header_length "$T/plain.npy")
prints "no rows follow" "$length" stat -c %s "$T/plain.npy"
head -c "$length" "$T/plain.npy" | tail -c +11 >"$T/header"
golden "header with padding" npy-header-plain cat "$T/header"

works "CSV" kmlopsctl store export all file "$T/all.csv"
check "it is what dump prints" sh -c "kmlopsctl -o csv store dump all | cmp - $T/all.csv"
works "JSON lines" kmlopsctl store export all file "$T/all.jsonl"
check "they are what dump prints" sh -c "kmlopsctl -o jsonl store dump all | cmp - $T/all.jsonl"
prints "format that is given" "{\"file\":\"$T/rows\",\"format\":\"csv\",\"rows\":3,\"lost\":0}" \
	kmlopsctl -j store export all file "$T/rows" format csv from -1h to now
check "it is CSV" cmp "$T/all.csv" "$T/rows"
shows "the range is described" '"from": ?[0-9]+' cat "$T/rows.meta.json"
works "format of an option" kmlopsctl -o csv store export all file "$T/rows2"
check "it is CSV" cmp "$T/all.csv" "$T/rows2"

prints "Parquet" "$T/all.parquet: 3 rows" kmlopsctl store export all file "$T/all.parquet"
prints "Arrow" "$T/all.arrow: 3 rows" kmlopsctl store export all file "$T/all.arrow"
works "Arrow as a stream" kmlopsctl store export all file "$T/all.arrows"
check "it begins as what dump prints" sh -c "kmlopsctl -o arrow store dump all | head -c 4 | cmp -n 4 - $T/all.arrows"

prints "files of one table" "$T/run/all: 3 rows" kmlopsctl store export all dir "$T/run" rows 2 format csv
prints "they are these" "_meta.json part-00000.csv part-00001.csv" sh -c "ls $T/run/all | xargs"
check "they have the rows of one file" sh -c \
	"{ cat $T/run/all/part-00000.csv; sed 1d $T/run/all/part-00001.csv; } | cmp - $T/all.csv"
shows "one description of all" '"files": ?2' cat "$T/run/all/_meta.json"
works "a table without rows is one file" kmlopsctl store export plain dir "$T/run"
prints "of Parquet" "_meta.json part-00000.parquet" sh -c "ls $T/run/plain | xargs"
refused "files of two exports" 1 "$T/run/all holds an export already" \
	kmlopsctl store export all dir "$T/run"
rm -r "$T/run"

works "unregister" kmlopsctl store unregister plain
works "register a map as it is" \
	kmlopsctl store register plain map pinned "$PINS/maps/plain" mode map
check "put something into it" bpftool map update pinned "$PINS/maps/plain" \
	key 1 0 0 0 value 9 0 0 0 0 0 0 0
prints "its rows have no numbers that could be missing" "$T/plain.csv: 1 rows" \
	kmlopsctl store export plain file "$T/plain.csv"
check "so nothing is said of that" sh -c "! grep -q missing $T/plain.csv.meta.json"
check "the row is there" grep -q ',1,9$' "$T/plain.csv"
rm "$T/plain.csv" "$T/plain.csv.meta.json"

refused "name that tells no format" 2 \
	"the name $T/x does not tell a format: add format { npy | csv | jsonl | arrow | arrows | parquet }" \
	kmlopsctl store export all file "$T/x"
refused "unknown format" 2 "\"orc\" is no format; there are: npy, csv, jsonl, arrow, arrows, parquet" \
	kmlopsctl store export all file "$T/x" format orc
refused "no file" 2 "the file is missing: file FILE, or dir DIR for files of one table" \
	kmlopsctl store export all
refused "file and directory" 2 "file and dir exclude each other" \
	kmlopsctl store export all file "$T/x.npy" dir "$T/x"
refused "rows of one file" 2 "rows is for the files of a directory: dir DIR" \
	kmlopsctl store export all file "$T/x.npy" rows 5
refused "no directory" 1 "cannot write $T/no/x.npy: No such file or directory" \
	kmlopsctl store export all file "$T/no/x.npy"
refused "no store" 1 "there is no store of that name" \
	kmlopsctl store export nope file "$T/nope.npy"

# A full disk: neither a file nor a piece of one is left.
check "capture more" capture 200 0
mkdir "$T/small"
mount -t tmpfs -o size=8k small "$T/small"
refused "a full disk" 1 "cannot write $T/small/all.npy: No space left on device" \
	kmlopsctl store export all file "$T/small/all.npy"
silent "nothing is left there" ls "$T/small"
umount "$T/small"

what="nothing but the exports is in the directory"
run sh -c "cd $T && ls | grep -v '^\(all\|plain\|rows2\?\)\(\.npy\|\.csv\|\.jsonl\|\.arrows\?\|\.parquet\)\?\(\.meta\.json\)\?$'"
grep -vE '^(out|err|expected|header|normal|diff|load|order|ran|small)$' "$T/out" >"$T/extra"
want_quiet "$T/extra" "the list of other files"
judge

finish
