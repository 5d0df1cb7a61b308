#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rows: get and dump.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

load_maps
works "register" kmlopsctl store register all map pinned "$PINS/maps/everything" rows 1000
prints "dump of no rows" "[]" kmlopsctl -j store dump all
check "capture" capture 3 7

golden "get" get.json kmlopsctl -j store get all key pid=8,cpu=1
golden "get as a table" get.txt kmlopsctl store get all key cpu=1,pid=8
golden "get by the bytes of the key" get.json kmlopsctl -j store get all key hex:0800000001000000
golden "dump as JSON" dump.json kmlopsctl -p store dump all
golden "dump as JSON lines" dump.jsonl kmlopsctl -o jsonl store dump all

what="dump as CSV"
run kmlopsctl -o csv store dump all
want_code 0
sed -E '2,$s/^[0-9]+,[0-9]+,/N,N,/' "$T/out" >"$T/normal"
if [ "${GOLDEN_DIR:-}" ]; then
	cp "$T/normal" "$GOLDEN_DIR/dump.csv"
fi
cmp -s golden/dump.csv "$T/normal" || [ "${GOLDEN_DIR:-}" ] || trouble "differs from golden/dump.csv"
judge

shows "dump as a table" '^ *[0-9]+\.[0-9]{9} .* 7 +1 +10\.500 us +7\.0 KiB +-5 ' kmlopsctl store dump all

# Ranges: the second row is [its time, its time + 1).
time=$(kmlopsctl -o csv store dump all | sed -n '3s/,.*//p')
prints "from and to in nanoseconds" "$time" \
	sh -c "kmlopsctl -o csv store dump all from $time to $((time + 1)) | sed 1d | cut -d , -f 1"
prints "rows until now" 3 sh -c "kmlopsctl -o jsonl store dump all from -1h to now | wc -l"
prints "rows of a time to come" 0 sh -c "kmlopsctl -o jsonl store dump all from now | wc -l"
prints "RFC 3339: everything is later than 2020" 3 \
	sh -c "kmlopsctl -o jsonl store dump all from 2020-01-01T00:00:00Z | wc -l"
prints "with a zone and a fraction" 0 \
	sh -c "kmlopsctl -o jsonl store dump all to 2020-01-01T00:00:00.5+01:00 | wc -l"

for time in yesterday -5 -s 5s -5parsec 2020-01-01 2020-01-01T00:00:00; do
	refused "no time: $time" 2 "\"$time\" is no time; a time is: now, -DURATION (-5s, -1m30s, -250ms), nanoseconds of CLOCK_MONOTONIC, or 2024-05-01T12:00:00Z" \
		kmlopsctl store dump all from "$time"
done

refused "no row of that key" 1 "the store has no row of that key" \
	kmlopsctl store get all key pid=99,cpu=1
refused "one value for two fields" 2 \
	"\"8\": the key of this store has 2 fields, give it as FIELD=VALUE,... or hex:BYTES" \
	kmlopsctl store get all key 8
refused "a field missing" 2 "the key field cpu is missing" kmlopsctl store get all key pid=8
refused "a field twice" 2 "the key field pid is given twice" \
	kmlopsctl store get all key pid=8,pid=9
refused "no such field" 2 "the key has no field tid" kmlopsctl store get all key tid=8,cpu=1
refused "value too large" 2 "\"4294967296\" is no value of the key field pid, which is of type u32" \
	kmlopsctl store get all key pid=4294967296,cpu=1
refused "negative value" 2 "\"-1\" is no value of the key field pid, which is of type u32" \
	kmlopsctl store get all key pid=-1,cpu=1
refused "bytes missing" 2 "a key of this store is 8 bytes: hex: and 16 hexadecimal digits" \
	kmlopsctl store get all key hex:08
refused "no key" 2 "the key is missing" kmlopsctl store get all key
refused "neither key nor time" 2 "the key or a time is missing: key KEY, or at TIME" \
	kmlopsctl store get all
refused "get from no store" 1 "there is no store of that name" kmlopsctl store get nope key 1
refused "dump of no store" 1 "there is no store of that name" kmlopsctl store dump nope

works "a key of one field" kmlopsctl store register plain map pinned "$PINS/maps/plain" rows 10
refused "by its value" 1 "the store has no row of that key" kmlopsctl store get plain key 0x10

# More than one message of rows; the newest stay.
for first in 0 50 100 150; do
	capture 50 $first
done
prints "all rows of a larger dump" 203 sh -c "kmlopsctl -o jsonl store dump all | wc -l"
what="rows come in order of time"
run sh -c "kmlopsctl -o csv store dump all | sed 1d | cut -d , -f 1 | sort -n -c"
want_code 0
judge

finish
