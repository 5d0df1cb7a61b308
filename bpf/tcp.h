/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Rows of the collector "tcp": connections as segments arrive and get lost. */
#ifndef KERNMLOPS_TCP_H
#define KERNMLOPS_TCP_H

#ifndef KMLOPS_UNIT
#define KMLOPS_UNIT(unit)
#endif

enum tcp_kind {
	TCP_RECEIVED,		/* a segment came in, data or acknowledgment */
	TCP_RETRANSMITTED,	/* one is sent again */
	TCP_CLOSED,		/* the socket goes: the last row of a connection */
};

struct tcp_socket_key {
	__u64 socket;		/* its cookie: unique until the next boot */
};

/* Store "tcp". Addresses are in network order, those of IPv4 in 4 bytes. */
struct tcp_row {
	__u64 bytes_acked KMLOPS_UNIT(bytes);	/* sent by us, and received */
	__u64 bytes_received KMLOPS_UNIT(bytes);
	__u64 delivery_rate KMLOPS_UNIT(Bps);	/* latest estimate; 0: none */
	__u32 srtt KMLOPS_UNIT(us);	/* smoothed round trip time */
	__u32 rttvar KMLOPS_UNIT(us);	/* its mean deviation */
	__u32 min_rtt KMLOPS_UNIT(us);	/* ~0: none yet */
	__u32 snd_wnd KMLOPS_UNIT(bytes);	/* window of the peer */
	__u32 rcv_wnd KMLOPS_UNIT(bytes);	/* ours */
	__u32 mss KMLOPS_UNIT(bytes);
	__u32 segment KMLOPS_UNIT(bytes);	/* the one that came in, its data */
	__u32 cwnd;		/* congestion window, segments */
	__u32 ssthresh;		/* slow start ends there, segments */
	__u32 packets_out;	/* segments sent and not acknowledged */
	__u32 lost_out;		/* of these, segments thought lost */
	__u32 retrans_out;	/* of these, sent again */
	__u32 retransmits;	/* segments sent again since it was opened */
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u16 family;		/* 2: IPv4, 10: IPv6 */
	__u8 kind;		/* enum tcp_kind */
	__u8 state;		/* 1: established, 2: SYN sent, ... */
	__u32 cpu;
	__u32 one_in;		/* events that this row stands for */
};

#endif /* KERNMLOPS_TCP_H */
