// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each file of selftests/fuzz/malformed is refused for its own reason, and each
 * of selftests/fuzz/corpus is a good model. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include "kmlops.h"
#include "portable.h"

#define FILES	"selftests/fuzz/"

static void test_malformed(void **state)
{
	char line[256], path[256], why[KMLOPS_WHY_LEN];
	FILE *expected = fopen(FILES "malformed/expected", "r");
	u32 count = 0;

	assert_non_null(expected);
	while (fgets(line, sizeof(line), expected)) {
		char *name = strtok(line, "\t");
		int err = atoi(strtok(NULL, "\t"));
		const char *sentence = strtok(NULL, "\n");
		struct kmlops_model_handle *model;

		snprintf(path, sizeof(path), FILES "malformed/%s.kmml", name);
		model = kmlops_model_open(path, why);
		if (model || errno != err || strcmp(why, sentence))
			print_error("%s: errno %d '%s', expected %d '%s'\n",
				    path, model ? 0 : errno, model ? "" : why,
				    err, sentence);
		assert_null(model);
		assert_int_equal(errno, err);
		assert_string_equal(why, sentence);
		count++;
	}
	fclose(expected);
	print_message("# %u files refused\n", count);
	assert_true(count > 70);
}

static void test_corpus(void **state)
{
	DIR *dir = opendir(FILES "corpus");
	struct dirent *entry;
	u32 kinds = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		struct kmlops_model_handle *model;
		char path[512], why[KMLOPS_WHY_LEN] = "";

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), FILES "corpus/%s", entry->d_name);
		model = kmlops_model_open(path, why);
		if (!model)
			print_error("%s: %s\n", path, why);
		assert_non_null(model);
		kinds |= 1U << kmlops_model_info(model)->kind;
		kmlops_model_close(model);
	}
	closedir(dir);
	assert_int_equal(kinds, 0x3e);	/* all five */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests_name("malformed", tests, NULL, NULL);
}
