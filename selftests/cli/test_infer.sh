#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Inference from the command line.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

make_model "$T/tree"
works "load" kmlopsctl model load tree file "$T/tree"

golden "one vector" infer.json kmlopsctl -j model infer tree input 10,0
golden "one vector as a table" infer.txt kmlopsctl model infer tree input 11,-5
prints "as a line of JSON" '{"answer":1,"scores":[8192,57344],"fraction_bits":16}' \
	kmlopsctl -o jsonl model infer tree input 11,-5
prints "as CSV" 'answer,score_0,score_1
0,65536,0' kmlopsctl -o csv model infer tree input 9223372036854775807,-4

printf '10,0\n11,-5\r\n\n11, -4\n' >"$T/vectors"
prints "a file of numbers" 'answer,score_0,score_1
0,49152,16384
1,8192,57344
0,65536,0' kmlopsctl -o csv model infer tree file "$T/vectors"
printf 'cpu,other,wait\n-5,x,11\n0,,10\n' >"$T/vectors"
prints "a file with names: other order, other columns" 'answer,score_0,score_1
1,8192,57344
0,49152,16384' kmlopsctl -o csv model infer tree file "$T/vectors"

# More vectors than fit one request.
i=0
while [ $i -lt 5000 ]; do
	echo "$((i % 20)),0"
	i=$((i + 1))
done >"$T/vectors"
prints "many vectors" "2750 0,49152,16384
2250 0,65536,0" sh -c "kmlopsctl -o csv model infer tree file $T/vectors | sed 1d | sort | uniq -c | sed 's/^ *//'"
shows "they are counted" '"inferences":5009,' kmlopsctl -j model show tree

refused "vector too short" 2 "the input vector has 1 numbers, model tree takes 2" \
	kmlopsctl model infer tree input 10
refused "vector too long" 2 "the input vector has 4 numbers, model tree takes 2" \
	kmlopsctl model infer tree input 10,0,10,0
for word in 0.5 1e3 0x10 '' 9223372036854775808 abc; do
	refused "no integer: $word" 2 \
		"\"$word\" is no whole number of 64 bits: inputs are integers" \
		kmlopsctl model infer tree input "10,$word"
done
printf '10,0\n11\n' >"$T/vectors"
refused "a line too short" 2 "line 2 of $T/vectors has 1 numbers, model tree takes 2" \
	kmlopsctl model infer tree file "$T/vectors"
printf 'wait,cpu\n10,x\n' >"$T/vectors"
refused "a line with a word" 2 \
	"line 2 of $T/vectors: \"x\" is no whole number of 64 bits: inputs are integers" \
	kmlopsctl model infer tree file "$T/vectors"
printf 'wait,nice\n10,1\n' >"$T/vectors"
refused "a column missing" 2 "$T/vectors has no column cpu, an input of model tree" \
	kmlopsctl model infer tree file "$T/vectors"
: >"$T/vectors"
refused "no vectors" 2 "$T/vectors has no input vector" \
	kmlopsctl model infer tree file "$T/vectors"
refused "no file" 1 "cannot read $T/nope: No such file or directory" \
	kmlopsctl model infer tree file "$T/nope"
refused "no model" 1 "there is no model of that name" kmlopsctl model infer nope input 1
refused "no vector" 2 "the input vector is missing" kmlopsctl model infer tree input

finish
