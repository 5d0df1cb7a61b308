#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The command line itself: help, words, options, formats, batches.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

objects="help, store, model, collector, collect, replay, feature, version, deploy, batch"
stores="show, list, register, unregister, get, dump, export, push, replay, truncate"

run kmlopsctl
what="no words: help on stderr"
want_code 0
want_quiet "$T/out" stdout
grep -q '^OBJECT  :=' "$T/err" || trouble "no help"
judge

for object in store model feature; do
	run kmlopsctl "$object" help
	what="$object help: on stderr"
	want_code 0
	want_quiet "$T/out" stdout
	grep -q "^kmlopsctl $object " "$T/err" || trouble "no help"
	judge
done

refused "unknown object" 2 "\"stor3\" is no object; there are: $objects" \
	kmlopsctl stor3
refused "unknown command" 2 "\"lst\" is no command of store; there are: $stores" \
	kmlopsctl store lst
refused "empty word" 2 "\"\" is no command of store; there are: $stores" \
	kmlopsctl store ""
refused "unknown option" 2 "there is no option -x; see kmlopsctl help" \
	kmlopsctl -x store
refused "unknown long option" 2 "there is no option --jsn; see kmlopsctl help" \
	kmlopsctl --jsn store
refused "option without its value" 2 "option -o needs a value" kmlopsctl -o
refused "unknown format" 2 "\"xml\" is no format; there are: table, json, jsonl, csv, npy, arrow, arrows, parquet" \
	kmlopsctl -o xml store
refused "ambiguous word" 2 "\"l\" is ambiguous: it could be list, load" \
	kmlopsctl model l
refused "one word too many" 2 "\"b\" is one word too many" kmlopsctl store show a b
refused "list has no CSV" 2 "list has no output as csv" kmlopsctl -o csv store list
refused "dump has no NPY" 2 "npy is for files: use store export" \
	kmlopsctl -o npy store dump x

prints "shortened words" "[]" kmlopsctl -j sto li
prints "no command: list" "[]" kmlopsctl -j model
silent "JSON lines of an empty list" kmlopsctl -o jsonl store list
# json-c breaks the line between the brackets, or not.
# shellcheck disable=SC2016 # for the inner shell
prints "pretty JSON" "[]" sh -c 'echo $(kmlopsctl -p store list | tr -d "\n")'
shows "-V: the version" '^kmlopsctl [0-9]' kmlopsctl -V

what="errors are JSON in JSON mode"
run kmlopsctl -j store show nope
want_code 1
want_quiet "$T/out" stdout
echo '{"error":"there is no store of that name","errno":"ENOENT"}' >"$T/expected"
cmp -s "$T/expected" "$T/err" || trouble "stderr should be: $(cat "$T/expected")"
judge

what="usage errors, too"
run kmlopsctl -o jsonl store get
want_code 2
echo '{"error":"the name of the store is missing"}' >"$T/expected"
cmp -s "$T/expected" "$T/err" || trouble "stderr should be: $(cat "$T/expected")"
judge

what="output that cannot be written is an error"
run sh -c 'kmlopsctl version >/dev/full'
want_code 1
grep -q 'cannot write the output: No space left on device' "$T/err" || trouble "no sentence"
judge

# Batches.

cat >"$T/batch" <<'END'
# a comment, an empty line, quotes

store list	# at the end
"store" 'list'
END
prints "batch" "[]
[]" kmlopsctl -j batch file "$T/batch"
check "batch from stdin" sh -c "kmlopsctl batch file - <$T/batch"

printf 'store list\nstore show nope\nversion\n' >"$T/batch"
what="a batch stops at the first error"
run kmlopsctl -j batch file "$T/batch"
want_code 1
[ "$(cat "$T/out")" = "[]" ] || trouble "stdout is not that of line 1"
grep -q "stopped at line 2 of $T/batch" "$T/err" || trouble "the line is not named"
judge

printf 'store show "nope\n' >"$T/batch"
what="a batch with an open quote"
run kmlopsctl batch file "$T/batch"
want_code 2
grep -q '^kmlopsctl: a quote is not closed$' "$T/err" || trouble "no sentence"
judge

refused "a batch that is not there" 1 "cannot read /nope: No such file or directory" \
	kmlopsctl batch file /nope

finish
