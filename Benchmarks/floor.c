// The least that a proxy can do: floor PORT BACKEND copies octets between clients and pooled connections to a back end,
// on this machine's loopback, in one epoll loop. It looks for the end of a head, and at nothing else: one receive is one
// message, as the messages of P1 are. What it costs is the kernel's part of a proxied request.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BUFFER = 32768, EVENTS = 256, POOL = 1024 };

struct end {
    int socket, is_server;
    struct end *peer; // the other end of the exchange under way
};

static int poller, backend;
static struct end *pool[POOL];
static size_t pooled;

static void fail(const char *what) { perror(what); exit(1); }

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct end *watch(int socket, int is_server) {
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct end *end = calloc(1, sizeof *end);
    if (!end) fail("calloc");
    end->socket = socket;
    end->is_server = is_server;
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll_ctl");
    return end;
}

static struct end *server(void) {
    if (pooled > 0) return pool[--pooled];
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(backend);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    return watch(connection, 1);
}

static void pass(struct end *end) {
    static char buffer[BUFFER];
    ssize_t count = recv(end->socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
        // The load ends all at once: nobody waits for the other end.
        if (!end->is_server || !end->peer) close(end->socket);
        return;
    }
    if (!memmem(buffer, count, "\r\n\r\n", 4)) fail("a message in two pieces");
    if (!end->peer) {
        end->peer = server();
        end->peer->peer = end;
    }
    if (send(end->peer->socket, buffer, count, MSG_NOSIGNAL) != count) return;
    if (!end->is_server) return;
    end->peer->peer = NULL;
    end->peer = NULL;
    if (pooled == POOL) fail("pool");
    pool[pooled++] = end;
}

int main(int count, char **arguments) {
    if (count != 3) return 64;
    backend = atoi(arguments[2]);
    poller = epoll_create1(0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = loopback(atoi(arguments[1]));
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll_ctl");
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int place = 0; place < ready; place++) {
            struct end *end = events[place].data.ptr;
            if (end) {
                pass(end);
                continue;
            }
            int client = accept(listener, NULL, NULL);
            if (client >= 0) watch(client, 0);
        }
    }
}
