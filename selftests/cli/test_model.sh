#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Models: load, list, show, verify, remove.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

make_model "$T/tree"

# broken BYTE: a copy with one byte of the file changed.
broken()
{
	cp "$T/tree" "$T/broken"
	printf '\125' | dd of="$T/broken" bs=1 seek="$1" conv=notrunc 2>/dev/null
}

golden "load" load.json kmlopsctl -p model load tree file "$T/tree"
prints "load again: the next version" \
	"model tree: version 2, golden vectors reproduced: 3" \
	kmlopsctl model load tree file "$T/tree"
golden "show" model-show.json kmlopsctl -j model show tree
golden "show as a table" model-show.txt kmlopsctl model show tree
golden "list" model-list.json kmlopsctl -j model list
shows "list as a table" '^tree +2 +yes +tree +classify +2 +2 +2 .* scalar +0$' kmlopsctl model

golden "verify" verify.json kmlopsctl -j model verify file "$T/tree"
shows "verify as a table" ": good$" kmlopsctl model verify file "$T/tree"

checksum="the model file is corrupted: its checksum is wrong"
broken 300
refused "corrupted file" 4 "$checksum" kmlopsctl model load tree file "$T/broken"
refused "verify finds that, too" 4 "$T/broken: $checksum" kmlopsctl model verify file "$T/broken"
broken 0
refused "no model file" 4 "this is no model file: wrong magic" \
	kmlopsctl model load tree file "$T/broken"
head -c 500 "$T/tree" >"$T/broken"
refused "truncated file" 4 "the model file says it has 565 bytes, it has 500" \
	kmlopsctl model load tree file "$T/broken"
head -c 10 "$T/tree" >"$T/broken"
refused "not even a header" 4 "a model file has at least 48 bytes, this has 10" \
	kmlopsctl model load tree file "$T/broken"
: >"$T/broken"
refused "empty file" 4 "$T/broken is empty" kmlopsctl model load tree file "$T/broken"
refused "verify an empty file" 4 "$T/broken is empty" kmlopsctl model verify file "$T/broken"
refused "no file" 1 "cannot read $T/nope: No such file or directory" \
	kmlopsctl model load tree file "$T/nope"
refused "a directory" 1 "cannot read $T: Is a directory" kmlopsctl model load tree file "$T"
refused "the word file is missing" 2 "the word file is missing" kmlopsctl model load tree
refused "the file is missing" 2 "the name of the file is missing" kmlopsctl model load tree file
refused "empty name" 1 "the name of a model cannot be empty" kmlopsctl model load "" file "$T/tree"
refused "long name" 1 "the name of a model has at most 31 bytes, this has 32" \
	kmlopsctl model load 01234567890123456789012345678901 file "$T/tree"

# Sent in many parts, and too large.
dd if=/dev/zero of="$T/broken" bs=100k count=1 2>/dev/null
refused "a large file of nothing" 4 "this is no model file: wrong magic" \
	kmlopsctl model load tree file "$T/broken"
dd if=/dev/zero of="$T/broken" bs=1M count=17 2>/dev/null
what="a file beyond the limit"
run kmlopsctl model load tree file "$T/broken"
want_code 1
grep -q 'max_model_bytes allows' "$T/err" || trouble "no sentence"
judge

shows "what was refused changed nothing" '"version":2,' kmlopsctl -j model show tree
works "remove" kmlopsctl model remove tree
refused "remove what is gone" 1 "there is no model of that name" kmlopsctl model remove tree
refused "show what is gone" 1 "there is no model of that name" kmlopsctl model show tree
prints "no model is left" "[]" kmlopsctl -j model list

finish
