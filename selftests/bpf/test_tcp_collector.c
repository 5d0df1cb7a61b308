// SPDX-License-Identifier: GPL-2.0-only
/* The collector "tcp" on a connection of known messages, and on a lost SYN. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "tap.h"
#include "tcp.h"
#include "tool.h"

#define MESSAGES	30
#define SIZE		1000
#define FULL		3	/* connections that a backlog of 0 does not take */
#define STATE_SYN_SENT	2

static const char *const stores[] = { "tcp", NULL };

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	if (getsockname(fd, (void *)&address, &length))
		bail("getsockname");
	return ntohs(address.sin_port);
}

static int listen_on(int backlog)
{
	struct sockaddr_in address = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) ||
	    listen(fd, backlog))
		bail("listen");
	return fd;
}

static int connect_to(int port, int flags)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (fd < 0 || (connect(fd, (void *)&address, sizeof(address)) &&
		       errno != EINPROGRESS))
		bail("connect");
	return fd;
}

/* Each message waits for an answer of one byte, so each is one segment. */
static void exchange(int client, int server)
{
	char message[SIZE] = "", answer = 0;
	int i;

	for (i = 0; i < MESSAGES; i++) {
		size_t got = 0;

		if (write(client, message, SIZE) != SIZE)
			bail("write");
		while (got < SIZE) {
			ssize_t n = read(server, message, SIZE - got);

			if (n <= 0)
				bail("read");
			got += n;
		}
		if (write(server, &answer, 1) != 1 || read(client, &answer, 1) != 1)
			bail("answer");
	}
}

static void test_connection(void)
{
	int listener = listen_on(5), port = port_of(listener), client, server;
	size_t messages = 0, answers = 0, rtts = 0, windows = 0, closed = 0, i;
	struct json_object *counters;
	struct rows rows;

	start_collector("tcp", "");
	client = connect_to(port, 0);
	server = accept(listener, NULL, NULL);
	if (server < 0)
		bail("accept");
	exchange(client, server);
	close(client);
	usleep(100000);
	close(server);
	close(listener);
	usleep(100000);
	counters = stop_collector("tcp");

	read_rows("tcp", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct tcp_row *row = row_value(&rows, i);
		bool at_server = row->local_port == port;

		if ((!at_server && row->remote_port != port) ||
		    row->family != AF_INET || row->local[0] != 127)
			continue;
		messages += at_server && row->kind == TCP_RECEIVED &&
			    row->segment == SIZE;
		answers += !at_server && row->kind == TCP_RECEIVED &&
			   row->segment == 1;
		rtts += row->kind == TCP_RECEIVED && row->srtt &&
			row->min_rtt <= row->srtt * 8;
		windows += row->kind == TCP_RECEIVED && row->cwnd >= 10 &&
			   row->snd_wnd && row->rcv_wnd && row->mss;
		/* Opening and closing count as a byte each. */
		closed += row->kind == TCP_CLOSED && at_server &&
			  row->bytes_received >= MESSAGES * SIZE &&
			  row->bytes_received <= MESSAGES * SIZE + 2 &&
			  row->bytes_acked >= MESSAGES &&
			  row->bytes_acked <= MESSAGES + 2;
	}
	ok_equal(messages, MESSAGES, "a row for each message that arrives");
	ok_equal(answers, MESSAGES, "and for each answer");
	ok(rtts >= 2 * MESSAGES - 2, "with the round trip time: %zu", rtts);
	ok(windows >= 2 * MESSAGES, "with windows: %zu", windows);
	ok_equal(closed, 1, "the last row of the connection has all its bytes");
	free_rows(&rows);
	ok(books_balance(counters, stores), "the books balance");
	json_object_put(counters);
	unregister_store("tcp");
}

/* A full backlog drops the SYN, which is sent again after a second. */
static void test_retransmit(void)
{
	int listener = listen_on(0), port = port_of(listener), fds[FULL];
	struct json_object *counters;
	unsigned long long begin;
	size_t again = 0, most, i;
	struct rows rows;

	start_collector("tcp", "");
	begin = now();
	for (i = 0; i < FULL; i++)
		fds[i] = connect_to(port, SOCK_NONBLOCK);
	usleep(1600000);
	counters = stop_collector("tcp");
	/* And later again, as far as time has passed. */
	most = FULL * ((now() - begin) / 1000000000);
	read_rows("tcp", &rows);
	for (i = 0; i < rows.nr; i++) {
		const struct tcp_row *row = row_value(&rows, i);

		again += row->kind == TCP_RETRANSMITTED &&
			 row->remote_port == port &&
			 row->state == STATE_SYN_SENT;
	}
	ok(again >= 1 && again <= most, "a lost SYN is a row when it is sent again: %zu", again);
	free_rows(&rows);
	ok(books_balance(counters, stores), "the books balance");
	json_object_put(counters);
	for (i = 0; i < FULL; i++)
		close(fds[i]);
	close(listener);
	unregister_store("tcp");
}

int main(void)
{
	connect_family();
	test_connection();
	test_retransmit();
	return done();
}
