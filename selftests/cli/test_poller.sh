#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Collectors that read files: what they push is what the files say.
cd "$(dirname "$0")" || exit 1
# shellcheck source=selftests/cli/lib.sh
. ./lib.sh

pollers="memory_usage stat vmstat diskstats net_dev loadavg process_metadata perf system_info"
for poller in pressure schedstat; do
	[ ! -e /proc/$poller ] || pollers="$pollers $poller"
done

trap 'for poller in $pollers; do kmlopsctl collector stop "$poller"; done >/dev/null 2>&1; rmmod null_blk 2>/dev/null; cleanup' EXIT

# The last row of a store that matches a pattern.
row()
{
	kmlopsctl -o jsonl store dump "$1" | grep -E -- "$2" | tail -n 1
}

# A number in it.
field()
{
	row "$1" "$2" | sed -n "s/.*\"$3\":\(-*[0-9]*\).*/\1/p"
}

# equal WHAT A B
equal()
{
	check "$1" test "$2" = "$3"
}

# between WHAT LOW NUMBER HIGH
between()
{
	check "$1" test "$2" -le "$3" -a "$3" -le "$4"
}

forks()
{
	sed -n 's/^processes //p' /proc/stat
}

faults()
{
	sed -n 's/^pgfault //p' /proc/vmstat
}

# A disk that is written to and read from while its collector runs.
disk=nullb0
insmod /lib/modules/null_blk.ko memory_backed=1 gb=1 || disk=

# traffic: 300 KiB to it and 200 KiB from it, past the page cache.
traffic()
{
	dd if=/dev/zero of=/dev/$disk bs=4k count=75 conv=fsync
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/$disk of=/dev/null bs=4k count=50
} 2>/dev/null

# disk FIELD: its column of /proc/diskstats, as it is now.
disk()
{
	awk -v disk="$disk" -v column="$1" '$3 == disk { print $(column + 3) }' /proc/diskstats
}

forks_before=$(forks)
faults_before=$(faults)
refused "a poller calls no model" 1 "loadavg calls no model" \
	kmlopsctl collector start loadavg model none
for poller in $pollers; do
	check "$poller starts" kmlopsctl collector start "$poller"
done
refused "a poller that runs is not started again" 1 \
	"stat is running already; stop it with: kmlopsctl collector stop stat" \
	kmlopsctl collector start stat
shows "list shows that it runs" '^loadavg +yes +yes' kmlopsctl collector list loadavg
if [ "$disk" ]; then
	blockdev --setra 0 /dev/$disk
	written=$(disk 7)
	read=$(disk 3)
	traffic
fi
sleep 1
for poller in $pollers; do
	kmlopsctl -j collector stop "$poller" >"$T/$poller" 2>&1
done
forks_after=$(forks)
faults_after=$(faults)

for poller in $pollers; do
	# Events are rows, none was refused and no poll failed.
	events=$(sed -n 's/.*"events":\([0-9]*\).*/\1/p' "$T/$poller")
	what="$poller: each row is there"
	run grep -q "\"rows\":$events,\"refused\":0,.*\"failed\":0" "$T/$poller"
	want_code 0
	judge
done
check "a poller takes CPU time, which is counted" \
	grep -qE '"cpu_ns":[1-9][0-9]*' "$T/stat"
check "nothing is left behind" test ! -e /run/kernmlops

kib=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
equal "memory_usage: bytes" "$(field memory_usage . MemTotal)" $((kib * 1024))
between "stat_system: forks" "$forks_before" "$(field stat_system . processes)" "$forks_after"
between "vmstat_events: faults" "$faults_before" "$(field vmstat_events . pgfault)" "$faults_after"
equal "stat: a row for each CPU and one for all" \
	"$(kmlopsctl -o jsonl store dump stat | sed -n 's/.*"cpu":\(-*[0-9]*\),.*/\1/p' | sort -n | uniq | tr '\n' ' ')" "-1 0 1 "
if [ -e /proc/schedstat ]; then
	equal "schedstat: a row for each CPU" \
		"$(kmlopsctl -o jsonl store dump schedstat | sed -n 's/.*"cpu":\([0-9]*\),.*/\1/p' | sort -n | uniq | tr '\n' ' ')" "0 1 "
	check "schedstat: time of running is not the number of timeslices" \
		test "$(field schedstat '"cpu":0' run_time)" -gt "$(field schedstat '"cpu":0' timeslices)"
else
	echo "ok $((n += 1)) - schedstat: known numbers # SKIP there is no /proc/schedstat"
fi
if [ "$disk" ]; then
	equal "diskstats: sectors written" "$(field diskstats "\"$disk\"" sectors_written)" $((written + 600))
	equal "diskstats: sectors read" "$(field diskstats "\"$disk\"" sectors_read)" $((read + 400))
	for column in 1,reads 2,reads_merged 5,writes 9,in_flight 16,flushes; do
		equal "diskstats: ${column#*,}" "$(field diskstats "\"$disk\"" "${column#*,}")" "$(disk "${column%,*}")"
	done
else
	echo "ok $((n += 1)) - diskstats: known numbers # SKIP there is no null_blk"
fi
check "net_dev: the loopback device" test "$(row net_dev '"device":"lo"')"
if [ -e /proc/pressure ]; then
	check "pressure: two rows of each resource" \
		test "$(kmlopsctl -o jsonl store dump pressure | sed -n 's/.*"resource":"\([^"]*\)","who":"\([^"]*\)".*/\1 \2/p' | sort | uniq | wc -l)" -ge 5
else
	echo "ok $((n += 1)) - pressure: known numbers # SKIP there is no /proc/pressure"
fi
threads=$(cut -d/ -f2 /proc/loadavg | cut -d' ' -f1)
between "loadavg: threads" 1 "$(field loadavg . threads)" $((threads + 50))
check "process_metadata: this script, its name and its arguments" \
	test "$(row process_metadata "\"pid\":$$,.*\"name\":\"test_poller.sh\".*test_poller.sh")"
parent=$(sed 's/.*) . \([0-9]*\) .*/\1/' /proc/$$/stat)
equal "with its parent" "$(field process_metadata "\"pid\":$$," parent)" "$parent"
check "perf: page faults are counted" test "$(field perf '"event":"page_faults","cpu":0' count)" -gt 0
equal "perf: what counted all the time is not scaled" \
	"$(field perf '"event":"page_faults","cpu":0' scaled)" "$(field perf '"event":"page_faults","cpu":0' count)"
check "system_info: the release of the kernel" \
	test "$(row system_info '"name":"kernel_release"' | grep -F "\"$(uname -r)\"")"
shows "a poller that knows of hardware that is not there says so" '^perf .*nothing here counts cycles' \
	kmlopsctl collector list perf
check "an interval of 50 ms" kmlopsctl collector start loadavg interval 50
sleep 1
polls=$(kmlopsctl -j collector stop loadavg | sed 's/.*"polls":\([0-9]*\),"failed":0,"late":\([0-9]*\).*/\1 + \2/')
between "gives so many polls, or says that they are late" 10 $((polls)) 60
refused "a collector of events has no interval" 1 \
	"madvise captures what happens; it has no interval" \
	kmlopsctl collector start madvise interval 50
finish
