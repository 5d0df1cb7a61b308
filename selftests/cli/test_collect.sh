#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# kmlopsctl collect: a directory with all that was captured around a command,
# and the books of it; interrupted and killed runs can be read.
# shellcheck disable=SC2016 # what is for awk
cd "$(dirname "$0")" || exit 1
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

# A number of run.json of an object that is named before it.
number()
{
	tr -d ' \n' <"$1/run.json" | sed -n "s/.*\"$2\":{[^{}]*\"$3\":\([0-9]*\).*/\1/p"
}

state_of()
{
	sed -n 's/^  "state": "\(.*\)",/\1/p' "$1/run.json"
}

rows_of()
{
	cat "$1/$2"/part-*.csv | grep -vc '^time'
}

# balanced RUN STORE: rows + lost = captured, and rows are in the files.
balanced()
{
	what="$1: $2 balances"
	run true
	captured=$(number "$T/$1" "$2" captured)
	rows=$(number "$T/$1" "$2" rows)
	lost=$(number "$T/$1" "$2" lost)
	[ "$captured" = $((rows + lost)) ] || trouble "captured $captured, rows $rows, lost $lost"
	[ "$rows" = "$(rows_of "$T/$1" "$2")" ] || trouble "$rows rows, but $(rows_of "$T/$1" "$2") in the files"
	judge
}

nothing_runs()
{
	! kmlopsctl -o jsonl collector list | grep -q '"running":true'
}

shows "a command, and what was captured around it" 'exited with 3$' \
	kmlopsctl collect collectors process_trace,stat to "$T/one" format csv interval 100 -- \
	sh -c 'for i in 1 2 3 4 5 6 7; do /bin/true; done; sleep 0.5; exit 3'
check "it is complete" test "$(state_of "$T/one")" = complete
check "with the exit code of the command" grep -q '"exit_code": 3,' "$T/one/run.json"
check "with the machine it ran on" grep -q "\"kernel_release\": \"$(uname -r)\"" "$T/one/run.json"
check "all forks of the command are in it" \
	test "$(cat "$T"/one/process_trace/part-*.csv | grep -c ',2,\|/bin/true$')" -ge 7
check "and its execs: of the shell and of the seven" \
	test "$(cat "$T"/one/process_trace/part-*.csv | grep -c '/true$')" = 7
balanced one process_trace
balanced one stat
check "schemas are there" grep -q '"name": "lifetime"' "$T/one/process_trace/_meta.json"
check "no collector runs any more" nothing_runs
check "no store stays" test -z "$(kmlopsctl -o jsonl store list)"
refused "a directory that is there is not written to" 1 "$T/one is there already" \
	kmlopsctl collect -c stat -d 1 -o "$T/one"
refused "an unknown collector" 2 \
	'there is no collector "nobody"; see: kmlopsctl collector list' kmlopsctl collect -c stat,nobody
refused "no command" 2 "the command is missing behind --" kmlopsctl collect -c stat --
shows "a command that is not there is said" 'exited with 127$' \
	sh -c "kmlopsctl collect -c stat -o $T/none -- /nowhere/nothing 2>/dev/null"

# On a terminal a line tells how it goes, each second in place of the one before.
what="on a terminal there is a line of progress"
run script -qec "kmlopsctl collect -c page_fault -d 3.5 -o $T/shown format csv rows 64 -- \
	sh -c 'while :; do /bin/ls / >/dev/null; done'" "$T/terminal"
want_code 0
tr '\r' '\n' <"$T/terminal" |
	sed -nE 's/^([0-9]+) s  ([0-9]+) rows  ([0-9]+)\/s  ([0-9]+) lost  ([0-9]+) dropped  ([0-9.]+) % of a CPU.*/\1 \2 \3 \4 \5 \6/p' >"$T/lines"
[ "$(wc -l <"$T/lines")" -ge 2 ] || trouble "its lines: $(cat "$T/lines")"
judge
check "with the rows and the rate since the line before" \
	awk 'NR > 1 && ($3 > $2 - rows || $3 < ($2 - rows) / 3) { exit 1 } { rows = $2 }' "$T/lines"
check "with what was lost" awk '$4 > $2 || $4 < lost { bad = 1 } { lost = $4 } END { exit bad || !lost }' "$T/lines"
check "and the time of the CPU" awk '{ cpu += $6 } END { exit cpu <= 0 }' "$T/lines"
check "which is gone at the end" \
	sh -c "tr '\r' '\n' <$T/terminal | grep -A 1 'of a CPU' | tail -n 1 | grep -q '^.\[Kstore '"
balanced shown page_fault

# A store that is too small: rows are lost, and counted.
shows "more rows than a store retains" '^page_fault ' \
	kmlopsctl collect -c page_fault -d 3 -o "$T/small" format csv rows 64 -- \
	sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do /bin/ls / >/dev/null; done'
balanced small page_fault
check "some were lost" test "$(number "$T/small" page_fault lost)" -gt 0

# A budget far too small. Where all is slow it takes a while to show in rows, and
# is less small, as there might be no row any more.
[ "${KMLOPS_TEST_EFFORT:-100}" -lt 100 ] && duration=20 budget=0.5 || duration=3 budget=0.01
shows "a budget" '^page_fault ' \
	kmlopsctl collect -c page_fault -d "$duration" budget "$budget" -o "$T/budget" format csv -- \
	sh -c 'while :; do /bin/ls / >/dev/null; done'
check "above it rows stand for several events" grep -qE '"one_in": ([2-9]|[1-9][0-9]+)' "$T/budget/run.json"
check "which the data say" sh -c "grep -qE ',([2-9]|[1-9][0-9]+)$' $T/budget/page_fault/part-*.csv"
balanced budget page_fault
tr -d ' \n' <"$T/budget/run.json" |
	sed 's/.*"counters":{"events":\([0-9]*\),"rows":\([0-9]*\),"sampled_out":\([0-9]*\),"refused":\([0-9]*\),"unpaired":\([0-9]*\).*/\1 \2 \3 \4 \5/' >"$T/sums"
read -r events rows out none unpaired <"$T/sums"
check "events are rows and what was left out" test "$events" = $((rows + out + none + unpaired))
check "which is something" test "$out" -gt 0

# The collector of wakeups leaves out both rows of one.
shows "a budget for wakeups" '^runqueue_wait ' \
	kmlopsctl collect -c runqueue -d 3 budget 0.01 -o "$T/wakeups" format csv -- \
	sh -c 'while :; do /bin/ls / >/dev/null; done'
check "is kept by leaving some out" test "$(number "$T/wakeups" counters sampled_out)" -gt 0
balanced wakeups runqueue
balanced wakeups runqueue_wait
check "each row has an outcome, but for those that wait at the end" \
	test "$(rows_of "$T/wakeups" runqueue)" -ge "$(rows_of "$T/wakeups" runqueue_wait)"

kmlopsctl collect -c process_trace,stat -o "$T/int" format csv >/dev/null 2>&1 &
pid=$!
until [ -e "$T/int/run.json" ]; do sleep 0.1; done
/bin/true
sleep 1
kill -INT $pid
what="SIGINT ends it well"
run wait $pid
want_code 0
judge
check "which it says" test "$(state_of "$T/int")" = interrupted
balanced int process_trace
check "no collector runs after that" nothing_runs

kmlopsctl collect -c process_trace,stat -o "$T/kill" format csv >/dev/null 2>&1 &
pid=$!
until [ -e "$T/kill/run.json" ]; do sleep 0.1; done
/bin/true
until [ -e "$T/kill/process_trace/part-00000.csv" ]; do sleep 0.1; done
kill -KILL $pid
wait $pid 2>/dev/null
check "killed, it says that it ran" test "$(state_of "$T/kill")" = running
check "and its rows can be read" test "$(rows_of "$T/kill" process_trace)" -ge 1
tries=50
until nothing_runs || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.2
done
check "its collectors are stopped all the same" nothing_runs
shows "its stores stay" '^process_trace ' kmlopsctl store list
finish
