// SPDX-License-Identifier: GPL-2.0-only
/*
 * The collectors of the memory management on mappings of known size: madvise,
 * unmap_range, page_fault, rss_stat, collapse_huge_pages, zswap.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "collapse_huge_pages.h"
#include "madvise.h"
#include "page_fault.h"
#include "rss_stat.h"
#include "support.h"
#include "tap.h"
#include "tool.h"
#include "unmap_range.h"
#include "zswap.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define PAGE		4096UL
#define HUGE		(2UL << 20)
#define PAGES		64
#define CALLS		10
#define SCAN_SUCCEED	1
#define VM_FAULT_RETRY	0x400

static char *map(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

static void touch(char *p, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		((volatile char *)p)[i * PAGE] = i;
}

static bool within(__u64 address, const char *from, size_t size)
{
	return address >= (__u64)from && address < (__u64)from + size;
}

static void end_test(const char *const *stores, struct json_object *counters)
{
	ok(books_balance(counters, stores), "the books balance");
	json_object_put(counters);
	for (; *stores; stores++)
		unregister_store(*stores);
}

/* Both collectors see the same calls. */
static void test_madvise(void)
{
	static const char *const stores[] = { "madvise", NULL };
	static const char *const range_stores[] = { "unmap_range", NULL };
	size_t dontneed = 0, cold = 0, unmaps = 0, refused = 0, ranges = 0, i;
	struct json_object *counters, *range_counters;
	char *p[CALLS];
	struct rows rows;

	start_collector("madvise", "");
	start_collector("unmap_range", "");
	for (i = 0; i < CALLS; i++) {
		p[i] = map((PAGES + i) * PAGE);
		touch(p[i], PAGES + i);
		madvise(p[i], (PAGES + i) * PAGE, MADV_COLD);
		madvise(p[i], PAGE, MADV_DONTNEED);
		madvise(p[i] + 1, PAGE, MADV_DONTNEED);
	}
	for (i = 0; i < CALLS; i++)
		munmap(p[i], (PAGES + i) * PAGE);
	range_counters = stop_collector("unmap_range");
	counters = stop_collector("madvise");

	read_rows("madvise", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct madvise_key *key = row_key(&rows, i);
		const struct madvise_row *row = row_value(&rows, i);
		size_t n = row->length / PAGE - PAGES;

		if (key->pid != getpid() || row->tgid != getpid())
			continue;
		refused += row->advice == MADV_DONTNEED && row->result == -EINVAL;
		dontneed += row->advice == MADV_DONTNEED && !row->result &&
			    row->length == PAGE;
		if (n >= CALLS || row->address != (__u64)p[n])
			continue;
		cold += row->kind == MADVISE_MADVISE && row->advice == MADV_COLD;
		unmaps += row->kind == MADVISE_MUNMAP && row->advice == -1 &&
			  !row->result;
	}
	ok_equal(cold, CALLS, "a row for each madvise, with address and length");
	ok_equal(dontneed, CALLS, "with its advice");
	ok_equal(refused, CALLS, "and its error");
	ok_equal(unmaps, CALLS, "a row for each munmap");
	free_rows(&rows);
	end_test(stores, counters);

	dontneed = 0;
	read_rows("unmap_range", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct unmap_range_row *row = row_value(&rows, i);
		size_t n = (row->end - row->start) / PAGE - PAGES;

		if (row->tgid != getpid())
			continue;
		dontneed += row->end - row->start == PAGE;
		ranges += n < CALLS && row->start == (__u64)p[n] && !row->is_file;
	}
	ok_equal(ranges, CALLS, "unmap_range: a row for each munmap");
	ok(dontneed >= CALLS, "and for each MADV_DONTNEED");
	free_rows(&rows);
	end_test(range_stores, range_counters);
}

static bool write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, line, strlen(line)) == strlen(line);

	if (fd >= 0)
		close(fd);
	return good;
}

#define THP_ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"

/* What is chosen, in brackets among all that could be. */
static void thp_choice(char *choice, size_t size)
{
	FILE *file = fopen(THP_ENABLED, "r");
	char line[64] = "", *from, *to;

	if (!file || !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	from = strchr(line, '[');
	to = from ? strchr(from, ']') : NULL;
	snprintf(choice, size, "%.*s", to ? (int)(to - from - 1) : 0,
		 to ? from + 1 : "");
}

static bool thp_possible(void)
{
	char choice[16];

	thp_choice(choice, sizeof(choice));
	return *choice && strcmp(choice, "never");
}

static void test_page_fault(void)
{
	static const char *const stores[] = { "page_fault", NULL };
	static const char *const rss_stores[] = { "rss_stat", NULL };
	size_t small = 0, huge = 0, own = 0, anon = 0, i;
	struct json_object *counters, *rss_counters;
	long long first = -1, last = -1, faults;
	unsigned long long from, to;
	struct rusage before, after;
	char *p = map(PAGES * PAGE), *q = map(2 * HUGE), *aligned;
	struct rows rows;
	unsigned int advised;

	aligned = (char *)(((uintptr_t)q + HUGE - 1) & ~(HUGE - 1));
	/* A kernel without huge pages takes no such advice. */
	advised = madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE) ? 0 : 2;
	madvise(q, 2 * HUGE, MADV_HUGEPAGE);
	start_collector("page_fault", "");
	start_collector("rss_stat", "");
	getrusage(RUSAGE_SELF, &before);
	from = now();
	touch(p, PAGES);
	touch(aligned, 1);
	to = now();
	getrusage(RUSAGE_SELF, &after);
	rss_counters = stop_collector("rss_stat");
	counters = stop_collector("page_fault");

	faults = after.ru_minflt + after.ru_majflt - before.ru_minflt -
		 before.ru_majflt;
	read_rows("page_fault", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct page_fault_key *key = row_key(&rows, i);
		const struct page_fault_row *row = row_value(&rows, i);
		unsigned long long time = row_head(&rows, i)->time;

		if (key->pid != getpid())
			continue;
		own += time >= from && time <= to &&
		       !(row->result & VM_FAULT_RETRY);
		small += within(row->address, p, PAGES * PAGE) &&
			 row->decision == PAGE_FAULT_SMALL &&
			 row->mapped == PAGE && row->advised == advised &&
			 row->flags & 1 && row->duration &&
			 within(row->address, (char *)row->vma_start,
				row->vma_end - row->vma_start);
		if (within(row->address, aligned, HUGE))
			huge += row->decision == PAGE_FAULT_HUGE ?
				row->mapped == HUGE : row->decision ==
				PAGE_FAULT_FALLBACK;
	}
	ok_equal(small, PAGES, "page_fault: a row for each page that is touched");
	ok(own >= PAGES + 1 && own <= faults,
	   "as many as getrusage() counts: %zu of %lld", own, faults);
	if (thp_possible())
		ok_equal(huge, 1, "a huge page is one row, with the decision");
	else
		skip("a huge page is one row", "transparent huge pages are off");
	free_rows(&rows);
	end_test(stores, counters);

	read_rows("rss_stat", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct rss_stat_key *key = row_key(&rows, i);
		const struct rss_stat_row *row = row_value(&rows, i);
		unsigned long long time = row_head(&rows, i)->time;

		if (key->pid != getpid() || !row->own || row->member != 1 ||
		    time < from || time > to)
			continue;
		anon++;
		if (first < 0)
			first = row->size;
		last = row->size;
	}
	ok(anon >= PAGES, "rss_stat: a row for each page: %zu", anon);
	ok(last - first >= (long long)((PAGES - 1) * PAGE),
	   "the sizes grow by as much: %lld", last - first);
	free_rows(&rows);
	end_test(rss_stores, rss_counters);
	munmap(p, PAGES * PAGE);
	munmap(q, 2 * HUGE);
}

static void test_collapse(void)
{
	static const char *const stores[] = {
		"collapse_huge_pages", "khugepaged_scan", NULL
	};
	char *p = map(2 * HUGE), *aligned, choice[16];
	struct json_object *counters;
	size_t found = 0, i;
	struct rows rows;
	int failed;

	thp_choice(choice, sizeof(choice));
	if (!*choice) {
		skip("collapse_huge_pages", "the kernel has no huge pages");
		return;
	}
	/* khugepaged would be there first; who asks is served all the same. */
	if (!write_line(THP_ENABLED, "never"))
		bail(THP_ENABLED);
	aligned = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	madvise(p, 2 * HUGE, MADV_NOHUGEPAGE);
	touch(aligned, HUGE / PAGE);
	madvise(p, 2 * HUGE, MADV_HUGEPAGE);
	start_collector("collapse_huge_pages", "");
	failed = madvise(aligned, HUGE, MADV_COLLAPSE) ? errno : 0;
	counters = stop_collector("collapse_huge_pages");
	write_line(THP_ENABLED, choice);
	if (failed == EINVAL)
		skip("collapse_huge_pages", "the kernel has no MADV_COLLAPSE");

	read_rows("collapse_huge_pages", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct collapse_huge_pages_row *row = row_value(&rows, i);

		found += row->tgid == getpid() && row->duration &&
			 row->address == (__u64)aligned &&
			 (row->status == SCAN_SUCCEED) == !failed;
	}
	free_rows(&rows);
	if (failed != EINVAL) {
		ok_equal(found, 1, "collapse_huge_pages: the attempt, and what came of it");
		found = 0;
		read_rows("khugepaged_scan", &rows);
		for (i = 0; i < rows.nr; i++) {
			const struct khugepaged_scan_row *row = row_value(&rows, i);

			found += row->tgid == getpid() &&
				 row->status == SCAN_SUCCEED;
		}
		ok_equal(found, 1, "and the look before it");
		free_rows(&rows);
	}
	end_test(stores, counters);
	munmap(p, 2 * HUGE);
}

/* A swap area in memory, so that what zswap has not taken is not lost. */
#define SWAP_DEVICE	"/dev/nullb0"
#define ZSWAP_ENABLED	"/sys/module/zswap/parameters/enabled"

static const char *prepare_swap(void)
{
	if (access(ZSWAP_ENABLED, W_OK))
		return "the kernel has no zswap";
	if (system("insmod /lib/modules/null_blk.ko memory_backed=1 gb=1") ||
	    system("mkswap " SWAP_DEVICE " >/dev/null"))
		return "there is no device to swap to";
	if (!write_line(ZSWAP_ENABLED, "1"))
		return "zswap cannot be enabled here";
	if (swapon(SWAP_DEVICE, 0))
		return "there is no swapping here";
	return NULL;
}

static void test_zswap(void)
{
	static const char *const stores[] = { "zswap", NULL };
	size_t stored = 0, loaded = 0, i;
	const char *why = prepare_swap();
	struct json_object *counters;
	char *p = map(PAGES * PAGE);
	struct rows rows;

	if (why) {
		skip("zswap: stores and loads", why);
		return;
	}
	start_collector("zswap", "");
	for (i = 0; i < PAGES; i++)
		memset(p + i * PAGE, 'a' + i % 26, PAGE);
	madvise(p, PAGES * PAGE, MADV_PAGEOUT);
	touch(p, PAGES);
	counters = stop_collector("zswap");
	read_rows("zswap", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct zswap_row *row = row_value(&rows, i);

		if (row->tgid != getpid() || row->end < row->start)
			continue;
		stored += row->kind == ZSWAP_STORE && row->result == 1;
		loaded += row->kind == ZSWAP_LOAD && row->result == 1;
	}
	ok_equal(stored, PAGES, "zswap: a row for each page that is stored");
	ok_equal(loaded, PAGES, "and for each that is loaded");
	free_rows(&rows);
	end_test(stores, counters);
	munmap(p, PAGES * PAGE);
	if (swapoff(SWAP_DEVICE) || system("rmmod null_blk"))
		note("the swap device stays");
}

int main(void)
{
	connect_family();
	test_madvise();
	test_page_fault();
	test_collapse();
	test_zswap();
	return done();
}
