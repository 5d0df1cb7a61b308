# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of kmlopsctl(8) for bash. Names come from the kernel, as far as we
# may ask it.

# The names in a list that is JSON lines.
_kmlopsctl_names()
{
	kmlopsctl -o jsonl "$1" list 2>/dev/null | sed -n 's/^{"name":"\([^"]*\)".*/\1/p'
}

_kmlopsctl_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_kmlopsctl_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_kmlopsctl_store()
{
	local command=$1 place=$2

	case $prev in
	file | pinned | dir) _kmlopsctl_files; return ;;
	format) _kmlopsctl_words "npy csv jsonl arrow arrows parquet"; return ;;
	speed) _kmlopsctl_words "max"; return ;;
	mode) _kmlopsctl_words "history mirror map"; return ;;
	map) [ "$command" != register ] || { _kmlopsctl_words "id pinned name"; return; } ;;
	from | to | at | before) _kmlopsctl_words "now"; return ;;
	esac
	if [ "$place" = 1 ]; then
		[ "$command" = register ] || _kmlopsctl_words "$(_kmlopsctl_names store)"
		return
	fi
	case $command in
	register) _kmlopsctl_words "map schema key keys rows mode lossless" ;;
	get) _kmlopsctl_words "key at last" ;;
	dump) _kmlopsctl_words "from to follow consume" ;;
	export) _kmlopsctl_words "file dir rows format from to consume" ;;
	replay) _kmlopsctl_words "file dir speed" ;;
	push) [ "$place" != 2 ] || _kmlopsctl_words "key" ;;
	truncate) _kmlopsctl_words "before" ;;
	esac
}

_kmlopsctl_model()
{
	local command=$1 place=$2

	if [ "$prev" = file ]; then
		_kmlopsctl_files
		return
	fi
	case $command:$prev in
	load:path) _kmlopsctl_words "scalar avx2 avx512"; return ;;
	*:version | *:repeat | *:work | *:memory) return ;;
	esac
	case $command:$place in
	verify:1 | load:2 | compile:2 | advise:1) _kmlopsctl_words "file" ;;
	compile:[4-9]) _kmlopsctl_words "output kernel devel style load" ;;
	advise:[3-9]) _kmlopsctl_words "rate budget" ;;
	load:[3-9]) _kmlopsctl_words "inactive path work memory" ;;
	*:1) _kmlopsctl_words "$(_kmlopsctl_names model | sort -u)" ;;
	activate:2 | rollback:2 | remove:2 | show:2 | list:2) _kmlopsctl_words "version" ;;
	infer:2) _kmlopsctl_words "input file version" ;;
	infer:4) _kmlopsctl_words "input file repeat" ;;
	infer:6) _kmlopsctl_words "repeat" ;;
	esac
}

_kmlopsctl_collector()
{
	local command=$1 place=$2

	if [ "$place" = 1 ]; then
		_kmlopsctl_words "$(_kmlopsctl_names collector)"
	elif [ "$command" = start ]; then
		case $prev in
		model) _kmlopsctl_words "$(_kmlopsctl_names model)" ;;
		rows | interval) ;;
		*) _kmlopsctl_words "rows model interval" ;;
		esac
	fi
}

_kmlopsctl_collect()
{
	local i

	# Behind -- is a command of another kind.
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			_kmlopsctl_files
			return
		fi
	done
	case $prev in
	collectors | -c) _kmlopsctl_words "all $(_kmlopsctl_names collector)" ;;
	to | -o) _kmlopsctl_files ;;
	format) _kmlopsctl_words "arrow parquet npy csv jsonl" ;;
	duration | -d | rows | budget | interval) ;;
	*) _kmlopsctl_words "collectors duration to rows budget format interval -- -c -d -o" ;;
	esac
}

_kmlopsctl_replay()
{
	local place=$1

	case $prev in
	store) [ "$place" = 0 ] || { _kmlopsctl_words "$(_kmlopsctl_names store)"; return; } ;;
	speed) _kmlopsctl_words "max"; return ;;
	rows) return ;;
	esac
	if [ "$place" = 0 ]; then
		_kmlopsctl_files
	else
		_kmlopsctl_words "store speed rows"
	fi
}

_kmlopsctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local i=1 object place

	COMPREPLY=()
	while [[ $i -lt $COMP_CWORD && ${COMP_WORDS[i]} = -* ]]; do
		[[ ${COMP_WORDS[i]} != -o && ${COMP_WORDS[i]} != --output ]] || ((i++))
		((i++))
	done
	if [[ $prev = -o || $prev = --output ]]; then
		_kmlopsctl_words "table json jsonl csv npy arrow arrows parquet"
		return
	fi
	if ((i >= COMP_CWORD)); then
		if [[ $cur = -* ]]; then
			_kmlopsctl_words "-j --json -p --pretty -o --output -V --version -h --help"
		else
			_kmlopsctl_words "store model collector collect replay deploy feature version batch help"
		fi
		return
	fi

	object=${COMP_WORDS[i]}
	place=$((COMP_CWORD - i - 1))
	if [ "$object" = collect ]; then
		_kmlopsctl_collect
		return
	fi
	if [ "$object" = replay ]; then
		_kmlopsctl_replay "$place"
		return
	fi
	if [ "$object" = batch ]; then
		if [ "$place" = 0 ]; then
			_kmlopsctl_words "file"
		else
			_kmlopsctl_files
		fi
		return
	fi
	if [ "$place" = 0 ]; then
		case $object in
		store) _kmlopsctl_words "show list register unregister get dump export push replay truncate help" ;;
		model) _kmlopsctl_words "show list load activate rollback remove infer verify compile advise help" ;;
		collector) _kmlopsctl_words "list show start stop help" ;;
		deploy) _kmlopsctl_words "watch once restore help" ;;
		feature) _kmlopsctl_words "probe help" ;;
		esac
		return
	fi
	case $object in
	store | model | collector) "_kmlopsctl_$object" "${COMP_WORDS[i + 1]}" "$place" ;;
	esac
}

complete -F _kmlopsctl kmlopsctl
