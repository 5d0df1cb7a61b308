#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rows from the command line: push, reads of the past, truncate, consume.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

load_maps
works "register" kmlopsctl store register all map pinned "$PINS/maps/everything" rows 1000

shows "push prints the time in JSON" '^\{"time":[1-9][0-9]*,"clock":"CLOCK_MONOTONIC"\}$' \
	kmlopsctl -j store push all key pid=1,cpu=2 wait=5 nice=-20 port=80 tiny=-1 \
	flag=1 comm=init numbers=1:2:3 grid=9 inner.left=-7 time=4
golden "it is the latest row" push.json kmlopsctl -j store get all key pid=1,cpu=2
silent "push again" kmlopsctl store push all key pid=1,cpu=2 wait=6
silent "push a row of zeros" kmlopsctl store push all key pid=2,cpu=2
silent "push bytes" kmlopsctl store push all key hex:0100000002000000 \
	"hex:0700000000000000$(printf '%0144d' 0)"

# shellcheck disable=SC2317 # called by name
waits()
{
	"$@" | sed 1d | cut -d , -f 5 | xargs
}
prints "the last rows of a key, latest first" "7 6" \
	waits kmlopsctl -o csv store get all key pid=1,cpu=2 last 2
prints "more than there are" "7 6 5" \
	waits kmlopsctl -o csv store get all key pid=1,cpu=2 last 10
shows "rows of last are a list" '^\[\{.*\}\]$' kmlopsctl -j store get all key pid=1,cpu=2 last 1

second=$(kmlopsctl -o csv store dump all | sed -n '3s/,.*//p')
prints "the row of a key as of a time" "6" \
	waits kmlopsctl -o csv store get all key pid=1,cpu=2 at "$second"
prints "last rows as of a time" "6 5" \
	waits kmlopsctl -o csv store get all key pid=1,cpu=2 at "$second" last 5
prints "the row nearest to a time" "6" waits kmlopsctl -o csv store get all at "$second"
refused "as of a time before all rows" 1 "the store has no row of that key" \
	kmlopsctl store get all key pid=1,cpu=2 at 1
refused "no last rows" 2 "last 0 is no row at all" \
	kmlopsctl store get all key pid=1,cpu=2 last 0
refused "last rows of no key" 1 "the nearest row is that of any key: name no key" \
	kmlopsctl store get all at now last 2

silent "truncate" kmlopsctl store truncate all before "$second"
prints "what was before is hidden" "6 0 7" waits kmlopsctl -o csv store dump all
silent "truncate all" kmlopsctl store truncate all before now
prints "nothing is left" "[]" kmlopsctl -j store dump all
refused "nearest of nothing" 1 "the store has no rows" kmlopsctl store get all at now
shows "the count says so" '"captured":4,"stored":0,"overwritten":0,"dropped":0,"truncated":4,' \
	kmlopsctl -j store show all

refused "unknown field" 2 "the value has no field foo" \
	kmlopsctl store push all key pid=1,cpu=2 foo=1
refused "no value" 2 "\"wait\" is not FIELD=VALUE" kmlopsctl store push all key pid=1,cpu=2 wait
refused "a field twice" 2 "the value field wait is given twice" \
	kmlopsctl store push all key pid=1,cpu=2 wait=1 wait=2
refused "value too large" 2 "\"256\" is no value of the value field tiny, which is of type s8" \
	kmlopsctl store push all key pid=1,cpu=2 tiny=256
refused "too many elements" 2 \
	"\"1:2:3:4\" is no value of the value field numbers, which is of type u32[3]: elements have colons between them" \
	kmlopsctl store push all key pid=1,cpu=2 numbers=1:2:3:4
refused "too many characters" 2 "the value field comm holds at most 16 characters" \
	kmlopsctl store push all key pid=1,cpu=2 comm=12345678901234567
refused "bytes missing" 2 "a value of this store is 80 bytes: hex: and 160 hexadecimal digits" \
	kmlopsctl store push all key pid=1,cpu=2 hex:00
refused "push into no store" 1 "there is no store of that name" kmlopsctl store push nope key 1
refused "truncate no store" 1 "there is no store of that name" \
	kmlopsctl store truncate nope before now
works "unregister" kmlopsctl store unregister all

# A lossless store keeps its rows until they are consumed.
works "register a lossless store" \
	kmlopsctl store register plain map pinned "$PINS/maps/plain" rows 1 lossless
shows "it says so" '"lossless":true' kmlopsctl -j store show plain
run kmlopsctl store push plain key 1 value=1
i=0
while [ $i -lt 64 ] && kmlopsctl store push plain key 1 value=2 2>"$T/push"; do
	i=$((i + 1))
done
prints "when it is full, a row is refused" "kmlopsctl: the store had no room for the row" cat "$T/push"
rows=$(kmlopsctl -o jsonl store dump plain | wc -l)
prints "export and consume" "{\"file\":\"$T/x.csv\",\"format\":\"csv\",\"rows\":$rows,\"lost\":0}" \
	kmlopsctl -j store export plain file "$T/x.csv" consume
works "there is room again" kmlopsctl store push plain key 1 value=3
prints "dump and consume" "3" \
	sh -c "kmlopsctl -o csv store dump plain consume | sed 1d | tail -n 1 | cut -d , -f 4"
works "unregister it" kmlopsctl store unregister plain

# The other modes.
works "register a mirror" \
	kmlopsctl store register plain map pinned "$PINS/maps/plain" rows 100 mode mirror
works "push" kmlopsctl store push plain key 1 value=9
shows "the map has the row" '"value":[^0-9]*9' bpftool -j map lookup pinned "$PINS/maps/plain" key 1 0 0 0
shows "rows that the map did not take are counted" '"unmirrored":0' kmlopsctl -j store show plain
works "unregister the mirror" kmlopsctl store unregister plain
works "register a map as it is" \
	kmlopsctl store register plain map pinned "$PINS/maps/plain" mode map
shows "get reads the map" '"key":1,"value":9\}$' kmlopsctl -j store get plain key 1
prints "dump, too" "1" sh -c "kmlopsctl -o jsonl store dump plain | wc -l"
refused "it knows no times" 1 "a map without history knows no times" \
	kmlopsctl store dump plain from now
refused "nor can it be truncated" 1 "a map without history knows no times" \
	kmlopsctl store truncate plain before now

# What follow prints while it runs.
works "unregister the map" kmlopsctl store unregister plain
works "register once more" kmlopsctl store register plain map pinned "$PINS/maps/plain" rows 100
kmlopsctl -o csv store dump plain follow >"$T/followed" 2>"$T/err" &
follower=$!
for value in 1 2 3; do
	kmlopsctl store push plain key 1 value=$value
done
tries=100
until [ "$(wc -l <"$T/followed")" = 4 ] || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
prints "follow prints rows as they come" "1
2
3" sh -c "sed 1d $T/followed | cut -d , -f 4"
kmlopsctl store unregister plain
what="it ends with the store"
code=0
wait "$follower" || code=$?
trouble=''
want_code 1
judge
refused "follow no store" 1 "there is no store of that name" \
	kmlopsctl store dump plain follow consume
refused "follow up to a time" 2 "follow and to exclude each other" \
	kmlopsctl store dump plain follow to now

finish
