#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Stores: register, list, show, unregister.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

load_maps
plain="pinned $PINS/maps/plain"
bpftool map create "$PINS/nobtf" type hash key 4 value 8 entries 4 name nobtf

# shellcheck disable=SC2086,SC2317 # two words; called by name
register()
{
	name=$1
	map=$2
	shift 2
	kmlopsctl store register "$name" map $map "$@"
}

golden "register by path" register.json kmlopsctl -p store register all map pinned "$PINS/maps/everything" rows 1000
shows "register by name of the map" '^store plain: [0-9]+ rows, ' register plain "name plain" rows 10 mode history
golden "show" show.json kmlopsctl -p store show all
golden "show as a table" show.txt kmlopsctl store show all
golden "list" list.json kmlopsctl -p store list
shows "list as a table" '^all +history +[0-9]+ +0 +0 +0 +0 +0 .*\(everything\)$' kmlopsctl store list
golden "list as JSON lines" list.jsonl kmlopsctl -o jsonl store
golden "map with plain key and value" plain.json kmlopsctl -j store show plain

refused "name taken" 1 "a store all is registered already" register all "$plain" rows 10
refused "map taken" 1 "the map is the store plain already" register other "$plain" rows 10
works "unregister" kmlopsctl store unregister plain
refused "unregister what is gone" 1 "there is no store of that name" \
	kmlopsctl store unregister plain
refused "show what is gone" 1 "there is no store of that name" kmlopsctl store show plain

id=$(bpftool -j map show pinned "$PINS/maps/plain" | sed 's/.*"id":\([0-9]*\).*/\1/')
works "register by id" register again "id $id" rows 10
works "unregister it" kmlopsctl store unregister again

refused "empty name" 1 "the name of a store cannot be empty" register "" "$plain" rows 10
refused "long name" 1 "the name of a store has at most 31 bytes, this has 32" \
	register 01234567890123456789012345678901 "$plain" rows 10
works "longest name" register 0123456789012345678901234567890 "$plain" rows 10
works "unregister it" kmlopsctl store unregister 0123456789012345678901234567890
refused "name with a slash" 1 "the name of a store cannot have byte 0x2f" \
	register a/b "$plain" rows 10
refused "no rows" 2 "the number of rows to retain is missing: rows N" register x "$plain"
refused "no map" 2 "the map is missing: map { id N | pinned PATH | name MAP }, or schema FIELDS for a new one" \
	kmlopsctl store register x rows 10
refused "rows that are no number" 2 \
	"rows has to be a whole number from 0 to 2^64-1, not \"-1\"" \
	register x "$plain" rows -1
refused "unknown mode" 2 "\"forever\" is no mode; there are: history, mirror, map" \
	register x "$plain" rows 10 mode forever
refused "no row at all" 2 "a store retains at least one row" register x "$plain" rows 0
refused "map without BTF" 1 "the map has no BTF for its key and value" \
	register x "pinned $PINS/nobtf" rows 10
refused "no map of that name" 1 "there is no map with the name nope" \
	register x "name nope" rows 10
refused "no map of that id" 1 "there is no map with the id 4000000000" \
	register x "id 4000000000" rows 10
refused "nothing pinned there" 1 \
	"cannot open the pinned map $PINS/nope: No such file or directory" \
	register x "pinned $PINS/nope" rows 10
refused "a program is not a map" 1 "$PINS/progs/capture is not a map" \
	register x "pinned $PINS/progs/capture" rows 10

bpftool map create "$PINS/nobtf2" type hash key 4 value 8 entries 4 name nobtf
refused "two maps of that name" 1 \
	"2 maps have the name nobtf; say which one by its id (bpftool map list)" \
	register x "name nobtf" rows 10

what="rows beyond the limit"
run register x "$plain" rows 99999999999999
want_code 1
grep -q 'max_store_bytes allows' "$T/err" || trouble "no sentence"
judge

# What cannot be a field is named.
rest="fields are numbers, bool, char, and arrays of these"
refused "pointer" 1 "map pointer cannot be a store: field next is a pointer; $rest" \
	register x "pinned $PINS/maps/pointer" rows 10
refused "bitfield" 1 "map bits cannot be a store: field low is a bitfield; $rest" \
	register x "pinned $PINS/maps/bits" rows 10
refused "union in a struct" 1 "map union_ cannot be a store: field outer.both is a union; $rest" \
	register x "pinned $PINS/maps/union_" rows 10
refused "array of structs" 1 \
	"map structs cannot be a store: field threads is an array of structs; $rest" \
	register x "pinned $PINS/maps/structs" rows 10

prints "nothing that was refused is there" '{"name":"all"' \
	sh -c "kmlopsctl -o jsonl store list | cut -d , -f 1"
works "unregister all" kmlopsctl store unregister all

finish
