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
works "export as arrow" kmlopsctl store export old file "$T/old.arrow"
works "and in parts" kmlopsctl store export old dir "$T/arrow" rows 2 format arrow
works "truncate once more" kmlopsctl store truncate new before now
shows "an Arrow file" '"rows":3,"refused":0,' \
	kmlopsctl -j store replay new file "$T/old.arrow" speed max
prints "has the same rows" "$(cat "$T/contents")" contents new
works "truncate for the parts" kmlopsctl store truncate new before now
shows "a directory with one table in it" '"rows":3,"refused":0,' \
	kmlopsctl -j store replay new dir "$T/arrow" speed max
prints "has them, too" "$(cat "$T/contents")" contents new
shows "for people" '^new: 3 rows in .* late$' kmlopsctl store replay new file "$T/old.npy" speed 100

refused "another schema" 1 "$T/old.npy: its fields are not those of store other" \
	kmlopsctl store replay other file "$T/old.npy"
works "an export as CSV" kmlopsctl store export old file "$T/old.csv"
refused "cannot be replayed" 1 \
	"$T/old.csv: only npy and arrow can be replayed from here; python3 -c 'import kernmlops; kernmlops.replay(\"$T/old.csv\", \"new\")' takes any format" \
	kmlopsctl store replay new file "$T/old.csv"
refused "Arrow of another schema" 1 "$T/old.arrow: its fields are not those of store other" \
	kmlopsctl store replay other file "$T/old.arrow"
head -c 1000 "$T/old.arrow" >"$T/short.arrow"
refused "an Arrow file that is truncated" 1 "$T/short.arrow: the file is truncated" \
	kmlopsctl store replay new file "$T/short.arrow" speed max
head -c -1 "$T/old.npy" >"$T/short.npy"
refused "a file that is truncated" 1 \
	"$T/short.npy: the file is truncated: it has not the rows that it says" \
	kmlopsctl store replay new file "$T/short.npy" speed max
refused "no file" 1 "cannot read $T/none.npy: No such file or directory" \
	kmlopsctl store replay new file "$T/none.npy"
mkdir "$T/empty"
refused "a directory without such files" 1 \
	"$T/empty: there is no part-N.arrow or part-N.npy" \
	kmlopsctl store replay new dir "$T/empty"
refused "no store" 1 "there is no store of that name" kmlopsctl store replay none file "$T/old.npy"
refused "nothing to replay" 2 "what to replay is missing: file FILE, or dir DIR" \
	kmlopsctl store replay new
refused "no speed" 2 "the speed has to be max, or a factor from 0.001 to 1000000, not \"0\"" \
	kmlopsctl store replay new file "$T/old.npy" speed 0

# A run, as it is by default: its stores are gone, and are made again.
recorded()
{
	tr -d ' \n' <"$T/trace/run.json" | sed -n "s/.*\"$1\":{[^{}]*\"rows\":\([0-9]*\).*/\1/p"
}

replayed()
{
	kmlopsctl -o csv store dump "$1" | grep -vc '^time'
}

shows "a run" 'exited with 0$' kmlopsctl collect -c process_trace,stat interval 200 -o "$T/trace" -- \
	sh -c 'for i in 1 2 3 4 5; do /bin/true; sleep 0.2; done'
works "is replayed" kmlopsctl -j replay "$T/trace" speed 2
what="in about half of its time"
took=$(duration)
[ "$took" -ge 400000000 ] || trouble "it took $took ns"
judge
for store in process_trace stat stat_system; do
	check "with all rows of $store" test "$(replayed $store)" = "$(recorded $store)"
done
check "those of the command are among them" \
	test "$(kmlopsctl -o csv store dump process_trace | grep -c '/bin/true$')" = 5
shows "again, into stores that are there" '^stat +[0-9]+ +0 +as it was$' \
	kmlopsctl replay "$T/trace" speed max
check "now they have them twice" test "$(replayed stat)" = $((2 * $(recorded stat)))
refused "into a store that it has nothing of" 1 \
	"$T/trace: it has nothing of store mine; take one of its directories, such as $T/trace/process_trace" \
	kmlopsctl replay "$T/trace" store mine
shows "but one of its tables" '^mine +[0-9]+ +0 +new$' \
	kmlopsctl replay "$T/trace/process_trace" store mine rows 4096 speed max
check "has its rows there" test "$(replayed mine)" = "$(recorded process_trace)"
shows "or the table of a name" '"stores":{"stat":{"rows":[0-9]+,"refused":0,"registered":false}}' \
	kmlopsctl -j replay "$T/trace" store stat speed max
works "an export as parquet" kmlopsctl store export old dir "$T/parquet" format parquet
works "whose store is gone" kmlopsctl store unregister old
refused "is for Python" 1 \
	"$T/parquet/old: only npy and arrow can be replayed from here; python3 -c 'import kernmlops; kernmlops.replay(\"$T/parquet/old\", \"old\")' takes any format" \
	kmlopsctl replay "$T/parquet"
check "and leaves no store" sh -c "! kmlopsctl store show old"
refused "what is not there" 2 "$T/none does not say which store it is of: store NAME" \
	kmlopsctl replay "$T/none"
refused "no rows" 2 "the number of rows cannot be 0" kmlopsctl replay "$T/trace" rows 0

finish
