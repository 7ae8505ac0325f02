// Sends HTTP/1.1 requests and measures how long the answers take: load PORT CONNECTIONS RATE SECONDS COUNT FILE
//
// With a RATE, an open loop: request k is due at k / RATE seconds, whether earlier ones are answered or not, and its time
// runs from then on, so that a stall counts for all that were due in it. With RATE 0, a closed loop: each connection
// sends its next request when the last is answered. FILE holds the requests, each behind a line with its length; they are
// sent in order, over and over, for SECONDS or until COUNT are sent (0: no bound). Answers have a Content-Length.
// A request has failed if its connection ends without an answer; two seconds after the end it is unanswered.
// Prints one JSON object. What was due in the first tenth of the time is sent, and counts only if there is no answer.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 16384, PIECE = 1 << 18 };
static const uint64_t SECOND = 1000000000, GRACE = 2 * SECOND;

struct request { const char *bytes; size_t length; };

struct connection {
    int socket, busy, in_head, is_last;
    uint64_t due;
    struct request request;
    size_t sent, head_length;
    uint64_t left; // of the body
    int status;
    char head[HEAD];
};

static struct request *requests;
static size_t request_count, next_request;
static int port, poller;
// Those without a request, in turn, so that all are used.
static struct connection **idle;
static size_t idle_first, idle_count, connection_count;
static uint64_t counted_from, answered, good, refused, failed, bytes;
static uint32_t *latencies, *delays;
static size_t latency_count, delay_count, capacity;

static void fail(const char *what) { perror(what); exit(1); }

static uint64_t clock_time(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static uint64_t now(void) { return clock_time(CLOCK_MONOTONIC); }

static void read_requests(const char *path) {
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0) fail(path);
    char *text = malloc(status.st_size + 1), *end = text + status.st_size;
    for (char *place = text; place < end;) {
        ssize_t count = read(file, place, end - place);
        if (count <= 0) fail(path);
        place += count;
    }
    *end = 0;
    for (char *place = text; place < end;) {
        char *body;
        size_t length = strtoul(place, &body, 10);
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        requests[request_count++] = (struct request){body + 1, length};
        place = body + 1 + length;
    }
}

static void join(struct connection *connection) {
    struct sockaddr_in address = {AF_INET, htons(port), {htonl(INADDR_LOOPBACK)}, {0}};
    connection->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->socket < 0 || connect(connection->socket, (void *)&address, sizeof address) < 0) fail("connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(connection->socket, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = connection}};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->socket, &event);
}

static void rest(struct connection *connection) {
    connection->busy = 0;
    idle[(idle_first + idle_count++) % connection_count] = connection;
}

static struct connection *next_idle(void) {
    struct connection *connection = idle[idle_first];
    idle_first = (idle_first + 1) % connection_count;
    idle_count--;
    return connection;
}

// Ends a connection; a request without its answer has failed.
static void renew(struct connection *connection) {
    close(connection->socket);
    if (connection->busy) {
        failed++;
        rest(connection);
    }
    join(connection);
}

static void push(struct connection *connection) {
    while (connection->sent < connection->request.length) {
        ssize_t count = send(connection->socket, connection->request.bytes + connection->sent,
                             connection->request.length - connection->sent, MSG_NOSIGNAL);
        if (count < 0) return; // Full, or broken: then the answer, or the end, is there to be received.
        connection->sent += count;
    }
}

static void note(uint32_t **list, size_t *count, uint64_t nanoseconds) {
    if (*count == capacity) exit(2);
    (*list)[(*count)++] = nanoseconds / 1000;
}

static void begin(uint64_t due, uint64_t time) {
    struct connection *connection = next_idle();
    connection->request = requests[next_request++ % request_count];
    connection->busy = connection->in_head = 1;
    connection->sent = connection->head_length = 0;
    connection->due = due;
    if (due >= counted_from) note(&delays, &delay_count, time - due);
    push(connection);
}

static void finish(struct connection *connection) {
    rest(connection);
    answered++;
    good += connection->status < 300;
    refused += connection->status >= 300;
    if (connection->due >= counted_from) note(&latencies, &latency_count, now() - connection->due);
}

// Looks for the end of the head in what has come; the rest of it belongs to the body.
static void read_head(struct connection *connection) {
    char *end = memmem(connection->head, connection->head_length, "\r\n\r\n", 4);
    if (!end) return;
    *end = 0;
    char *length = strcasestr(connection->head, "\r\ncontent-length:");
    if (!length) { fprintf(stderr, "no Content-Length: %s\n", connection->head); exit(1); }
    connection->status = atoi(connection->head + 9);
    connection->left = strtoull(length + 17, NULL, 10);
    connection->left -= connection->head + connection->head_length - (end + 4);
    connection->in_head = 0;
    connection->is_last = strcasestr(connection->head, "\r\nconnection: close") != NULL;
}

// Receives all that is there. Returns once the socket has no more, as edges are all that is told.
static void pull(struct connection *connection) {
    static char piece[PIECE];
    for (;;) {
        int in_head = connection->busy && connection->in_head;
        char *place = in_head ? connection->head + connection->head_length : piece;
        ssize_t count = recv(connection->socket, place, in_head ? HEAD - connection->head_length : PIECE, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0 || !connection->busy) return renew(connection);
        bytes += count;
        if (in_head) {
            connection->head_length += count;
            read_head(connection);
        } else {
            connection->left -= count;
        }
        if (!connection->in_head && connection->left == 0) {
            finish(connection);
            if (connection->is_last) return renew(connection);
        }
    }
}

static int compare(const void *one, const void *other) {
    return (*(uint32_t *)one > *(uint32_t *)other) - (*(uint32_t *)one < *(uint32_t *)other);
}

static uint32_t quantile(uint32_t *list, size_t count, double share) {
    return count ? list[(size_t)(share * (count - 1))] : 0;
}

static void report(uint64_t sent, uint64_t unsent, uint64_t time) {
    uint64_t unanswered = connection_count - idle_count;
    qsort(latencies, latency_count, sizeof *latencies, compare);
    qsort(delays, delay_count, sizeof *delays, compare);
    printf("{\"sent\":%lu,\"unsent\":%lu,\"answered\":%lu,\"good\":%lu,\"refused\":%lu,\"failed\":%lu,\"unanswered\":%lu,\"bytes\":%lu,"
           "\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"p50\":%u,\"p99\":%u,\"p99.9\":%u,\"max\":%u,\"delay_p99\":%u}\n",
           sent, unsent, answered, good, refused, failed, unanswered, bytes, time / 1e9,
           clock_time(CLOCK_PROCESS_CPUTIME_ID) / 1e9, quantile(latencies, latency_count, 0.5),
           quantile(latencies, latency_count, 0.99), quantile(latencies, latency_count, 0.999),
           quantile(latencies, latency_count, 1), quantile(delays, delay_count, 0.99));
}

int main(int count, char **arguments) {
    if (count != 7) return 64;
    port = atoi(arguments[1]);
    connection_count = atoi(arguments[2]);
    double rate = atof(arguments[3]), seconds = atof(arguments[4]);
    uint64_t limit = strtoull(arguments[5], NULL, 10);
    read_requests(arguments[6]);
    if (limit == 0) limit = UINT64_MAX;
    capacity = 1 << 26; // Memory is taken as it is written to.
    latencies = malloc(capacity * sizeof *latencies);
    delays = malloc(capacity * sizeof *delays);
    poller = epoll_create1(0);
    prctl(PR_SET_TIMERSLACK, 1);
    struct connection *connections = calloc(connection_count, sizeof *connections);
    idle = calloc(connection_count, sizeof *idle);
    for (size_t place = 0; place < connection_count; place++) {
        join(&connections[place]);
        rest(&connections[place]);
    }

    uint64_t start = now(), end = start + seconds * SECOND, sent = 0, time = start;
    counted_from = start + seconds * SECOND / 10;
    struct epoll_event events[256];
    for (;;) {
        time = now();
        uint64_t due = rate > 0 ? start + sent / rate * SECOND : time;
        while (idle_count > 0 && sent < limit && due < end && due <= time) {
            begin(due, time);
            sent++;
            if (rate > 0) due = start + sent / rate * SECOND;
        }
        int is_over = sent == limit || due >= end || time >= end;
        if (is_over && (idle_count == connection_count || time > end + GRACE)) break;
        // Until something comes, the next is due, or the patience with the last is over.
        uint64_t until = !is_over && idle_count > 0 ? due : end + GRACE;
        uint64_t wait = until > time ? until - time : 0;
        struct timespec timeout = {wait / SECOND, wait % SECOND};
        int ready = epoll_pwait2(poller, events, 256, &timeout, NULL);
        for (int place = 0; place < ready; place++) {
            struct connection *connection = events[place].data.ptr;
            if (connection->busy && events[place].events & EPOLLOUT) push(connection);
            if (events[place].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(connection);
        }
    }
    uint64_t all = rate > 0 ? rate * seconds : sent;
    report(sent, all > sent && limit == UINT64_MAX ? all - sent : 0, (time < end ? time : end) - start);
}
