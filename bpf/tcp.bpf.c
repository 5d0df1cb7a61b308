// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The collector "tcp". Events come in softirqs: there is no thread to name. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "collector.bpf.h"
#include "tcp.h"

#define AF_INET		2
#define USEC_PER_SEC	1000000

STORE(tcp, struct tcp_socket_key, struct tcp_row);

static void fill_addresses(struct tcp_row *row, struct sock *sk,
			   struct tcp_sock *tp)
{
	row->family = sk->__sk_common.skc_family;
	/* Not skc_num: that is gone when the socket is. */
	row->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	row->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	/* A kernel may have no other family. */
	if (row->family == AF_INET ||
	    !bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		__builtin_memcpy(row->local, &sk->__sk_common.skc_rcv_saddr, 4);
		__builtin_memcpy(row->remote, &sk->__sk_common.skc_daddr, 4);
		return;
	}
	bpf_probe_read_kernel(row->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	bpf_probe_read_kernel(row->remote, 16, &sk->__sk_common.skc_v6_daddr);
}

static void add_event(struct sock *sk, __u32 kind, __u32 segment)
{
	struct tcp_socket_key key = {};
	struct tcp_row row = {};
	struct tcp_sock *tp;

	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !wanted())
		return;
	key.socket = bpf_get_socket_cookie(sk);
	fill_addresses(&row, sk, tp);
	row.bytes_acked = tp->bytes_acked;
	row.bytes_received = tp->bytes_received;
	if (tp->rate_interval_us)
		row.delivery_rate = (__u64)tp->rate_delivered * tp->mss_cache *
				    USEC_PER_SEC / tp->rate_interval_us;
	row.srtt = tp->srtt_us >> 3;
	row.rttvar = tp->mdev_us >> 2;
	row.min_rtt = tp->rtt_min.s[0].v;
	row.cwnd = tp->snd_cwnd;
	row.ssthresh = tp->snd_ssthresh;
	row.snd_wnd = tp->snd_wnd;
	row.rcv_wnd = tp->rcv_wnd;
	row.mss = tp->mss_cache;
	row.packets_out = tp->packets_out;
	row.lost_out = tp->lost_out;
	row.retrans_out = tp->retrans_out;
	row.retransmits = tp->total_retrans;
	row.segment = segment;
	row.kind = kind;
	row.state = sk->__sk_common.skc_state;
	row.cpu = bpf_get_smp_processor_id();
	row.one_in = one_in();
	collect(&tcp, &key, &row);
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_probe, struct sock *sk, struct sk_buff *skb)
{
	__u32 length = skb->len, header;
	__u8 offset = 0;

	/* The TCP header is still there, its byte 12 has its length in words. */
	bpf_probe_read_kernel(&offset, 1, skb->data + 12);
	header = (offset >> 4) * 4;
	add_event(sk, TCP_RECEIVED, length > header ? length - header : 0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_skb, struct sock *sk, struct sk_buff *skb)
{
	add_event(sk, TCP_RETRANSMITTED, skb->len);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_destroy_sock, struct sock *sk)
{
	add_event(sk, TCP_CLOSED, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
