#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Replay: an export is captured once more.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

schema="x:u64:ns,small:s16,name:char[5],pair:u32[2]"
works "register" kmlopsctl store register old schema "$schema" key u32 rows 1000
works "register another alike" kmlopsctl store register new schema "$schema" key u32 rows 1000
works "and one that is not" kmlopsctl store register other schema "x:u64,small:u16" key u32 rows 1000
for i in 1 2 3; do
	silent "push" kmlopsctl store push old key $i x=$i small=-$i name=n$i pair=$i:9
	sleep 0.2
done
works "export" kmlopsctl store export old file "$T/old.npy"
works "export into files of one table" kmlopsctl store export old dir "$T/run" rows 2 format npy

# What rows are beside their times and numbers.
contents()
{
	kmlopsctl -o csv store dump "$1" | cut -d , -f 3-
}

duration()
{
	sed -n 's/.*"duration_ns":\([0-9]*\),.*/\1/p' "$T/out"
}

works "replay" kmlopsctl -j store replay new file "$T/old.npy"
what="it takes as long as it did"
took=$(duration)
[ "$took" -ge 400000000 ] || trouble "it took $took ns"
judge
contents old >"$T/contents"
prints "the rows are the same" "$(cat "$T/contents")" contents new
works "truncate" kmlopsctl store truncate new before now
works "at twice the speed" kmlopsctl -j store replay new file "$T/old.npy" speed 2
took=$(duration)
what="it takes half the time"
[ "$took" -ge 200000000 ] || trouble "it took $took ns"
judge
works "truncate again" kmlopsctl store truncate new before now
shows "as fast as it goes, from files" '"rows":3,"refused":0,' \
	kmlopsctl -j store replay new dir "$T/run/old" speed max
prints "the rows are the same again" "$(cat "$T/contents")" contents new
shows "for people" '^new: 3 rows in .* late$' kmlopsctl store replay new file "$T/old.npy" speed 100

refused "another schema" 1 "$T/old.npy: its fields are not those of store other" \
	kmlopsctl store replay other file "$T/old.npy"
works "an export as CSV" kmlopsctl store export old file "$T/old.csv"
refused "cannot be replayed" 1 "$T/old.csv: only an export as npy can be replayed" \
	kmlopsctl store replay new file "$T/old.csv"
head -c -1 "$T/old.npy" >"$T/short.npy"
refused "a file that is truncated" 1 \
	"$T/short.npy: the file is truncated: it has not the 3 rows that it says" \
	kmlopsctl store replay new file "$T/short.npy" speed max
refused "no file" 1 "cannot read $T/none.npy: No such file or directory" \
	kmlopsctl store replay new file "$T/none.npy"
refused "a directory without such files" 1 \
	"$T/run: there is no part-N.npy: only an export as npy can be replayed" \
	kmlopsctl store replay new dir "$T/run"
refused "no store" 1 "there is no store of that name" kmlopsctl store replay none file "$T/old.npy"
refused "nothing to replay" 2 "what to replay is missing: file FILE, or dir DIR" \
	kmlopsctl store replay new
refused "no speed" 2 "the speed has to be max, or a factor from 0.001 to 1000000, not \"0\"" \
	kmlopsctl store replay new file "$T/old.npy" speed 0

finish
