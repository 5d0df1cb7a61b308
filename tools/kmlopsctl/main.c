// SPDX-License-Identifier: GPL-2.0-only
/* kmlopsctl: options, objects, batches. */
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmlopsctl.h"
#include "netlink.h"
#include "output.h"

static const char help[] =
	"kmlopsctl [OPTIONS] OBJECT {COMMAND|help}\n"
	"kmlopsctl [OPTIONS] batch file {FILE|-}\n"
	"\n"
	"OBJECT  := { store | model | collector | collect | replay | deploy | feature | version }\n"
	"OPTIONS := { -j | -p | -o FORMAT | -V | -h }\n"
	"FORMAT  := { table | json | jsonl | csv | npy | arrow | arrows | parquet }\n"
	"\n"
	"-j  JSON, -p  JSON with line breaks. Without COMMAND: list.\n"
	"Words may be shortened as long as they are unique.\n";

/* Words of a line, in place: quotes as in a shell, # begins a comment. */
#define WORDS_MAX	256

static int split_line(char *line, char **words)
{
	char *from = line, *to = line;
	int nr = 0;

	for (;;) {
		char quote = 0;

		while (isspace((unsigned char)*from))
			from++;
		if (!*from || *from == '#')
			return nr;
		if (nr == WORDS_MAX)
			return -E2BIG;
		words[nr++] = to;
		for (; *from && (quote || !isspace((unsigned char)*from));
		     from++) {
			if (*from == quote)
				quote = 0;
			else if (!quote && (*from == '"' || *from == '\''))
				quote = *from;
			else if (*from == '\\' && quote != '\'' && from[1])
				*to++ = *++from;
			else
				*to++ = *from;
		}
		if (quote)
			return -EINVAL;
		if (*from)
			from++;
		*to++ = 0;
	}
}

static int run(struct args *args);

static int run_line(char *line)
{
	char *words[WORDS_MAX];
	struct args args = { .argv = words };
	int code;

	args.argc = split_line(line, words);
	if (args.argc < 0)
		return fail_usage(args.argc == -E2BIG ? "too many words" :
				  "a quote is not closed");
	if (!args.argc)
		return DONE;
	if (!strcmp(words[0], "batch"))
		return fail_usage("a batch cannot run a batch");
	code = run(&args);
	fflush(stdout);
	return code;
}

int batch_file(const char *name)
{
	unsigned long number = 0;
	char *line = NULL;
	int code = DONE;
	size_t size = 0;
	FILE *file;

	file = strcmp(name, "-") ? fopen(name, "re") : stdin;
	if (!file)
		return fail(REFUSED, errno, "cannot read %s: %s", name,
			    strerror(errno));

	while (code == DONE && getline(&line, &size, file) >= 0) {
		number++;
		code = run_line(line);
	}
	if (code != DONE)
		warn("stopped at line %lu of %s", number, name);
	else if (ferror(file))
		code = fail(REFUSED, errno, "cannot read %s: %s", name,
			    strerror(errno));
	free(line);
	if (file != stdin)
		fclose(file);
	return code;
}

static int do_batch(struct args *args)
{
	static const char *const words[] = { "file", NULL };
	const char *name;

	if (args_word(args, "the word file", words))
		return USAGE;
	name = args_next(args, "the name of the file");
	if (!name || !args_end(args))
		return USAGE;
	return batch_file(name);
}

static int do_help(struct args *args)
{
	fputs(help, stderr);
	return DONE;
}

int do_version(struct args *args)
{
	char libbpf[32];
	struct nlc_info info;
	bool loaded;

	if (!args_end(args))
		return USAGE;
	loaded = !nlc_info(&info);
	snprintf(libbpf, sizeof(libbpf), "%u.%u", libbpf_major_version(),
		 libbpf_minor_version());
	if (opt_json()) {
		struct json_object *json = json_object_new_object();

		json_add_string(json, "kmlopsctl", KMLOPS_VERSION);
		json_object_object_add(json, "module", loaded ?
				       json_object_new_string(info.version) :
				       NULL);
		json_add_string(json, "libbpf", libbpf);
		out_json(json);
		return DONE;
	}
	printf("kmlopsctl %s\nkernmlops.ko %s\nlibbpf %s\n", KMLOPS_VERSION,
	       loaded ? info.version : "not loaded", libbpf);
	return DONE;
}

/* The first one is what no words at all mean. */
static const struct command objects[] = {
	{ "help", do_help },
	{ "store", do_store },
	{ "model", do_model },
	{ "collector", do_collector },
	{ "collect", do_collect },
	{ "replay", do_replay },
	{ "feature", do_feature },
	{ "version", do_version },
	{ "deploy", do_deploy },
	{ "batch", do_batch },
	{ NULL, NULL }
};

static int run(struct args *args)
{
	return command_run_tabular(args, "object", objects, NULL, help);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct args args;
	int option, format, code;

	/* What libbpf has to say is said better by what failed. */
	libbpf_set_print(NULL);
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:jpo:Vh", options,
				     NULL)) >= 0) {
		switch (option) {
		case 'p':
			opt.pretty = true;
			/* fall through */
		case 'j':
			opt.format = FORMAT_JSON;
			break;
		case 'o':
			format = word_find("format", optarg, format_names);
			if (format < 0)
				return USAGE;
			opt.format = format;
			break;
		case 'V':
			args = (struct args){ 0 };
			return do_version(&args);
		case 'h':
			return do_help(NULL);
		case ':':
			return fail_usage("option %s needs a value",
					  argv[optind - 1]);
		default:
			return fail_usage("there is no option %s; see kmlopsctl help",
					  argv[optind - 1]);
		}
	}
	args.argc = argc - optind;
	args.argv = argv + optind;
	code = run(&args);
	/* Data that did not get out is data lost: /dev/full, a full disk. */
	if ((fflush(stdout) || ferror(stdout)) && code == DONE)
		code = fail(REFUSED, errno, "cannot write the output: %s",
			    strerror(errno));
	return code;
}
