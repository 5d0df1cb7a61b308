// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The collector "block_io". A request is in flight from its issue until it is
 * requeued or complete. Both are known by the entry of the request, so that the
 * count of those in flight does not leak: a request that is issued twice
 * without an end between is counted once, and an end without an issue is none.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "block_io.h"

#define PAGE_BYTES	4096
#define REQ_OP_BITS	8

struct request_state {
	struct block_io_row row;	/* as of its issue */
	__u32 device;
	bool in_flight;
	bool wanted;
};

/*
 * What a device has done last: latencies and depths, in one word each so that
 * they fit together whoever writes at the same time.
 */
#define DEPTH_BITS	20
#define DEPTH_MAX	((1 << DEPTH_BITS) - 1)
#define LATENCY_MAX	((1ULL << (64 - DEPTH_BITS)) - 1)

struct device_state {
	__u64 last[4];
	__u64 completed;	/* the next one goes to last[completed % 4] */
	__s64 in_flight;
	__s64 in_flight_4k;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);	/* address of the request */
	__type(value, struct request_state);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct device_state);
} devices SEC(".maps");

STORE(block_io, struct block_io_key, struct block_io_row);

static __u32 device_of(struct request *rq)
{
	struct block_device *part = rq->part;
	struct gendisk *disk = rq->q->disk;

	if (disk)
		return (__u32)disk->major << 20 | disk->first_minor;
	return part ? part->bd_dev : 0;
}

static struct device_state *device_state(__u32 device)
{
	struct device_state *d = bpf_map_lookup_elem(&devices, &device);
	struct device_state none = {};

	if (d)
		return d;
	bpf_map_update_elem(&devices, &device, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&devices, &device);
}

static __u32 pages(__u32 bytes)
{
	return (bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

static void enter(struct device_state *d, __u32 bytes)
{
	__sync_fetch_and_add(&d->in_flight, 1);
	__sync_fetch_and_add(&d->in_flight_4k, (__s64)pages(bytes));
}

static void leave(struct device_state *d, __u32 bytes)
{
	__sync_fetch_and_add(&d->in_flight, -1);
	__sync_fetch_and_add(&d->in_flight_4k, -(__s64)pages(bytes));
}

static void note_latency(struct device_state *d, __u64 latency, __u32 depth)
{
	__u64 at = __sync_fetch_and_add(&d->completed, 1);

	if (latency > LATENCY_MAX)
		latency = LATENCY_MAX;
	if (depth > DEPTH_MAX)
		depth = DEPTH_MAX;
	d->last[at % 4] = latency << DEPTH_BITS | depth;
}

static __u64 latency_of(__u64 word)
{
	return word >> DEPTH_BITS;
}

static __u32 depth_of(__u64 word)
{
	return word & DEPTH_MAX;
}

/* The row has them newest first. */
static void fill_last(struct block_io_row *row, struct device_state *d)
{
	__u64 at = d->completed;

	row->latency_1 = latency_of(d->last[(at - 1) % 4]);
	row->latency_2 = latency_of(d->last[(at - 2) % 4]);
	row->latency_3 = latency_of(d->last[(at - 3) % 4]);
	row->latency_4 = latency_of(d->last[(at - 4) % 4]);
	row->depth_1 = depth_of(d->last[(at - 1) % 4]);
	row->depth_2 = depth_of(d->last[(at - 2) % 4]);
	row->depth_3 = depth_of(d->last[(at - 3) % 4]);
	row->depth_4 = depth_of(d->last[(at - 4) % 4]);
}

static void fill_issue(struct block_io_row *row, struct request *rq,
		       struct device_state *d, __u64 now)
{
	__u64 id = bpf_get_current_pid_tgid(), made = rq->start_time_ns;
	__u32 flags = rq->cmd_flags;

	row->issued_at = now;
	row->sector = rq->__sector;
	row->queued = made && now > made ? now - made : 0;
	fill_last(row, d);
	row->in_flight = d->in_flight;
	row->in_flight_4k = d->in_flight_4k;
	row->bytes = rq->__data_len;
	row->segments = rq->nr_phys_segments;
	row->op = flags & ((1 << REQ_OP_BITS) - 1);
	row->flags = flags >> REQ_OP_BITS << REQ_OP_BITS;
	row->pid = id;
	row->tgid = id >> 32;
	row->cpu = bpf_get_smp_processor_id();
	row->one_in = one_in();
}

/* Issued again after a requeue: what is known of its device is newer now. */
static void reissue(struct request_state *state, struct request *rq,
		    struct device_state *d, __u64 now)
{
	__u32 pid = state->row.pid, tgid = state->row.tgid;

	fill_issue(&state->row, rq, d, now);
	state->row.pid = pid;		/* the device's worker issues it now */
	state->row.tgid = tgid;
	state->in_flight = true;
	enter(d, state->row.bytes);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(block_rq_issue, struct request *rq)
{
	__u64 address = (__u64)rq, now = bpf_ktime_get_ns();
	struct request_state *old = bpf_map_lookup_elem(&requests, &address);
	struct request_state new = {};
	struct device_state *d;

	if (!control.active)
		return 0;
	new.device = device_of(rq);
	d = device_state(new.device);
	if (!d) {
		count(COLLECTOR_NO_STATE);
		return 0;
	}
	if (old && !old->in_flight) {
		reissue(old, rq, d, now);
		return 0;
	}
	if (old) {
		/* Its end was not seen: the place is that of a new request. */
		struct device_state *was = device_state(old->device);

		if (was)
			leave(was, old->row.bytes);
		count(COLLECTOR_REPLACED);
		if (old->wanted) {
			count(COLLECTOR_EVENTS);
			count(COLLECTOR_UNPAIRED);
		}
	}
	/* One that makes no row is in flight all the same. */
	new.wanted = begin_wanted();
	new.in_flight = true;
	fill_issue(&new.row, rq, d, now);
	if (bpf_map_update_elem(&requests, &address, &new, BPF_ANY)) {
		count(COLLECTOR_NO_STATE);
		return 0;
	}
	enter(d, new.row.bytes);
	return 0;
}

SEC("tp_btf/block_rq_requeue")
int BPF_PROG(block_rq_requeue, struct request *rq)
{
	__u64 address = (__u64)rq;
	struct request_state *state = bpf_map_lookup_elem(&requests, &address);
	struct device_state *d;

	if (!state || !state->in_flight)
		return 0;
	d = device_state(state->device);
	if (d)
		leave(d, state->row.bytes);
	state->in_flight = false;
	state->row.requeues++;
	return 0;
}

/* Comes for each part of a request that the device has done. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_rq_complete, struct request *rq, blk_status_t status,
	     unsigned int bytes)
{
	__u64 address = (__u64)rq, now = bpf_ktime_get_ns();
	struct request_state *state = bpf_map_lookup_elem(&requests, &address);
	struct block_io_key key = {};
	struct device_state *d;

	if (bytes < rq->__data_len)
		return 0;
	if (!state) {
		end_wanted(false);
		return 0;
	}
	key.device = state->device;
	state->row.latency = now - state->row.issued_at;
	state->row.status = status;
	d = device_state(state->device);
	if (d) {
		if (state->in_flight)
			leave(d, state->row.bytes);
		note_latency(d, state->row.latency, state->row.in_flight_4k);
	}
	if (state->wanted && end_wanted(true))
		collect(&block_io, &key, &state->row);
	bpf_map_delete_elem(&requests, &address);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
