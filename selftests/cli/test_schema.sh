#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Stores whose map kmlopsctl makes, of a schema on the command line.
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

types="u8, u16, u32, u64, s8, s16, s32, s64, bool, char, f32, f64, and TYPE[N]"
name32=f2345678901234567890123456789012

# shellcheck disable=SC2317 # called by name
register()
{
	kmlopsctl store register "$@"
}

# Every type, with padding between and behind them.
shows "register" '^store all: [0-9]+ rows, ' register all \
	schema a:u8,b:u64:ns,c:u16,d:u32,e:s8,f:s16,g:s32,h:s64:km/h,i:bool,j:char,k:f32:C,l:f64,m:char[16],n:u16[3],o:u8 \
	key pid:u32,what:char[5],cpu:u16 rows 1000
golden "show: fields are where C has them" schema.json kmlopsctl -p store show all
silent "push" kmlopsctl store push all key pid=1,what=wait,cpu=2 a=255 b=18446744073709551615 \
	c=65535 d=4294967295 e=-128 f=-32768 g=-2147483648 h=-9223372036854775808 i=1 j=x k=1.5 \
	l=-2.25 m=sixteen n=1:2:3 o=9
golden "get" schema-get.json kmlopsctl -j store get all key pid=1,what=wait,cpu=2
shows "the map has the name and the BTF" '"name":"all".*"max_entries":1,.*"btf_id":[1-9]' \
	bpftool -j map show name all
works "unregister" kmlopsctl store unregister all

# The kernel frees a map some time after its last user left.
tries=100
while bpftool map show name all >"$T/map" 2>&1 && [ -s "$T/map" ] && [ $tries != 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
check "the map is gone with the store" [ $tries != 0 ]

works "a key that is just a type" register plain schema value:u64 key u32 rows 10 lossless
golden "its field is called key" schema-plain.json kmlopsctl -j store show plain
works "push by it" kmlopsctl store push plain key 7 value=8
shows "get by it" '"key":7,"value":8\}$' kmlopsctl -j store get plain key 7
refused "name taken" 1 "a store plain is registered already" \
	register plain schema value:u64 key u32 rows 10
works "unregister it" kmlopsctl store unregister plain

works "a name that no map can have" register a-long+name-of-a-store schema x:u8 key char[16] rows 10
shows "the map has one like it" '"map":\{"id":[0-9]+,"name":"a_long_name_of_"\}' \
	kmlopsctl -j store show a-long+name-of-a-store
works "push by a string" kmlopsctl store push a-long+name-of-a-store key init x=1
shows "get by a string" '"key":"init","x":1\}$' kmlopsctl -j store get a-long+name-of-a-store key init
works "unregister it" kmlopsctl store unregister a-long+name-of-a-store

works "mirror" register mirror schema value:u32 key u32 rows 100 mode mirror
shows "its map has room for as many keys as rows" '"max_entries":100,' \
	bpftool -j map show name mirror
works "push into it" kmlopsctl store push mirror key 1 value=9
shows "the map has the row" '"value":[^0-9]*9' bpftool -j map lookup name mirror key 1 0 0 0
works "unregister it" kmlopsctl store unregister mirror
works "mirror of few keys" register few schema value:u32 key u32 rows 100 mode mirror keys 2
for key in 1 2 3 4 5; do
	run kmlopsctl store push few key $key value=1
done
shows "more keys are counted" '"unmirrored":3,' kmlopsctl -j store show few
works "unregister it" kmlopsctl store unregister few

# What is no schema.
refused "unknown type" 2 "the value field a is of type \"int\", which is none; there are: $types" \
	register x schema a:int key u32 rows 10
refused "unknown type of the key" 2 "the key field key is of type \"pid\", which is none; there are: $types" \
	register x schema a:u8 key pid rows 10
refused "no end of an array" 2 "the value field a is of type \"u8[3\", which is none; there are: $types" \
	register x schema 'a:u8[3' key u32 rows 10
refused "an array of arrays" 2 "the length of an array has to be a whole number from 0 to 2^64-1, not \"3][2\"" \
	register x schema 'a:u8[3][2]' key u32 rows 10
refused "an empty array" 2 "the value field a is an array of no elements" \
	register x schema 'a:u8[0]' key u32 rows 10
refused "empty type" 2 "the value field a is of type \"\", which is none; there are: $types" \
	register x schema a: key u32 rows 10
refused "no type" 2 "the value field a has no type: FIELD:TYPE[:UNIT]" \
	register x schema a key u32 rows 10
refused "a field twice" 2 "the value has the field a twice" \
	register x schema a:u8,b:u8,a:u16 key u32 rows 10
refused "a field of the key twice" 2 "the key has the field a twice" \
	register x schema a:u8 key a:u8,a:u8 rows 10
refused "empty name" 2 "a value field has no name" register x schema :u8 key u32 rows 10
refused "empty field" 2 "a value field has no name" register x schema a:u8, key u32 rows 10
refused "empty schema" 2 "a value field has no name" register x schema "" key u32 rows 10
refused "a name that is none" 2 \
	"\"1a\" is no name of a field: it has letters, digits and _, and no digit first" \
	register x schema 1a:u8 key u32 rows 10
refused "long name" 2 "the name of a field has at most 31 bytes, $name32 has 32" \
	register x schema $name32:u8 key u32 rows 10
refused "empty unit" 2 "the unit of field a is empty" register x schema a:u8: key u32 rows 10
refused "long unit" 2 "the unit of a field has at most 31 bytes, that of a has 32" \
	register x schema a:u8:$name32 key u32 rows 10
refused "too many fields" 2 "a value has at most 128 fields" \
	register x schema "$(seq 129 | sed 's/.*/f&:u8/' | xargs | tr ' ' ,)" \
	key u32 rows 10
refused "large value" 2 "a value has at most 8192 bytes, this has 8208" \
	register x schema 'a:char[8193],b:u64' key u32 rows 10
refused "huge value" 2 "a value has at most 8192 bytes, this has 34359738360" \
	register x schema 'a:u64[4294967295]' key u32 rows 10
refused "large key" 2 "a key has at most 256 bytes, this has 257" \
	register x schema a:u8 key 'char[257]' rows 10
works "largest key and value" register x schema 'a:char[8192]' key 'char[256]' rows 10
works "unregister them" kmlopsctl store unregister x

# Words that do not go together.
refused "no key" 2 "the key is missing: key TYPE, or key FIELD:TYPE,..." \
	register x schema a:u8 rows 10
refused "no rows" 2 "the number of rows to retain is missing: rows N" \
	register x schema a:u8 key u32
refused "mode map" 2 "mode map is for a map that is there already, not for a schema" \
	register x schema a:u8 key u32 mode map
refused "keys of a history" 2 "keys is for mode mirror: otherwise the map holds no rows" \
	register x schema a:u8 key u32 rows 10 keys 10
refused "no keys" 2 "a map holds 1 to 2^32-1 keys" \
	register x schema a:u8 key u32 rows 10 mode mirror keys 0
refused "more rows than keys" 2 \
	"a map holds at most 2^32-1 keys, not one for each row: add keys N" \
	register x schema a:u8 key u32 rows 4294967296 mode mirror
refused "a key without a schema" 2 \
	"the map is missing: map { id N | pinned PATH | name MAP }, or schema FIELDS for a new one" \
	register x key u32 rows 10
mkdir -p "$PINS"
bpftool map create "$PINS/other" type hash key 4 value 8 entries 4 name other
refused "a map and a schema" 2 "schema, key and keys are for a new map: leave map out" \
	register x map name other schema a:u8 key u32 rows 10
prints "no store is left" "[]" kmlopsctl -j store list

finish
