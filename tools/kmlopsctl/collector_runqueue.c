// SPDX-License-Identifier: GPL-2.0-only
/* The collector "runqueue": bpf/runqueue.bpf.c as kmlopsctl knows it. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <linux/types.h>

#include "collector.h"
#include "runqueue.h"
#include "runqueue.skel.h"

static const char *const tracepoints[] = {
	"sched_switch", "sched_process_exit", "sched_waking", "sched_wakeup",
	"sched_wakeup_new", NULL
};

static const char *const variables[] = { "runqueues", NULL };

static const char *const stores[] = { "runqueue", "runqueue_wait", NULL };

static const char *const counters[] = {
	[RUNQUEUE_WAKEUPS] = "wakeups",
	[RUNQUEUE_OUTCOMES] = "outcomes",
	[RUNQUEUE_REPLACED] = "replaced",
	[RUNQUEUE_UNPAIRED] = "unpaired",
	[RUNQUEUE_EXITED] = "exited",
	[RUNQUEUE_PREDICTIONS] = "predictions",
	[RUNQUEUE_INFER_ERRORS] = "infer_errors",
	[RUNQUEUE_CAPTURE_ERRORS] = "capture_errors",
	[RUNQUEUE_OUTCOME_ERRORS] = "outcome_errors",
	[RUNQUEUE_AWAKE] = "awake",
	[RUNQUEUE_STATE_ERRORS] = "state_errors",
	[RUNQUEUE_COUNTERS] = NULL
};

#define NAME(field) #field,
static const char *const inputs[] = { RUNQUEUE_INPUTS(NAME) NULL };
#undef NAME

static void *open_object(const char *model,
			 struct bpf_object_skeleton **skeleton)
{
	struct runqueue_bpf *object = runqueue_bpf__open();

	if (!object)
		return NULL;
	if (model) {
		/* The caller has found this model: its name fits. */
		object->rodata->predict = true;
		snprintf((char *)object->rodata->model_name,
			 sizeof(object->rodata->model_name), "%s", model);
	}
	*skeleton = object->skeleton;
	return object;
}

static void close_object(void *object)
{
	runqueue_bpf__destroy(object);
}

static const char *model_of(const void *rodata)
{
	const struct runqueue_bpf__rodata *constants = rodata;

	return constants->predict ? (const char *)constants->model_name : NULL;
}

static void set_active(void *bss, bool active)
{
	struct runqueue_bpf__bss *variables = bss;

	variables->active = active;
}

const struct collector runqueue_collector = {
	.name = "runqueue",
	.about = "wakeups of tasks and how long they wait for a CPU",
	.tracepoints = tracepoints,
	.variables = variables,
	.stores = stores,
	.counters = counters,
	.model_inputs = inputs,
	.model_scores = 2,
	.model_store = "runqueue_prediction",
	.open = open_object,
	.close = close_object,
	.model_of = model_of,
	.set_active = set_active,
};
