/* AXFR of many small zones, so many at a time, each answer checked:
 *   transfers PORT LIST CONNECTIONS fresh|kept ROUNDS
 * fresh: a new TCP connection for each zone; kept: one for as long as the run takes. Every answer has to be one message, or several,
 * that begins and ends with SOA and has 13 records. Prints: transfers, seconds, p50 and p99 in milliseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECORDS 13

struct slot {
  int fd;
  double begun;
  size_t have;
  int records, soas;
  unsigned char in[65537];
};

static struct sockaddr_in server;
static unsigned char (*questions)[300];
static int *question_length, zone_count, is_fresh, epoll_fd;
static long total, started, done;
static float *latency;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void make_question(int index, char *name) {
  unsigned char *at = questions[index] + 2;
  static const unsigned char head[12] = {0, 0, 0, 0, 0, 1};
  memcpy(at, head, 12);
  at[0] = index >> 8;
  at[1] = index;
  at += 12;
  for (char *label = strtok(name, "."); label; label = strtok(NULL, ".")) {
    size_t length = strlen(label);
    *at++ = length;
    memcpy(at, label, length);
    at += length;
  }
  memcpy(at, "\0\0\374\0\1", 5);
  at += 5;
  question_length[index] = at - questions[index];
  questions[index][0] = (question_length[index] - 2) >> 8;
  questions[index][1] = question_length[index] - 2;
}

static void begin(struct slot *slot) {
  if (started == total) {
    if (slot->fd >= 0) close(slot->fd);
    slot->fd = -1;
    return;
  }
  int index = started++ % zone_count;
  slot->begun = now();
  slot->have = slot->records = slot->soas = 0;
  if (slot->fd < 0) {
    slot->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (slot->fd < 0) fail("socket");
    int on = 1;
    setsockopt(slot->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* from 64 addresses in turn: one has too few ports for connections that rest in TIME_WAIT */
    static unsigned turn;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + turn++ % 64)};
    setsockopt(slot->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(slot->fd, (struct sockaddr *)&own, sizeof own)) fail("bind");
    /* loopback: the connection is there when this returns */
    if (connect(slot->fd, (struct sockaddr *)&server, sizeof server)) fail("connect");
    fcntl(slot->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, slot->fd, &event)) fail("epoll_ctl");
  }
  if (write(slot->fd, questions[index], question_length[index]) != question_length[index]) fail("write");
}

static unsigned char *skip_name(unsigned char *at) {
  while (*at) {
    if (*at >= 192) return at + 2;
    at += *at + 1;
  }
  return at + 1;
}

/* Counts the records of one message. */
static void take(struct slot *slot, unsigned char *message) {
  if ((message[3] & 15) || !(message[2] & 128)) {
    fprintf(stderr, "rcode %d\n", message[3] & 15);
    exit(1);
  }
  unsigned char *at = message + 12;
  for (int count = message[4] << 8 | message[5]; count; count--) at = skip_name(at) + 4;
  for (int count = message[6] << 8 | message[7]; count; count--) {
    at = skip_name(at);
    if (at[0] == 0 && at[1] == 6) slot->soas++;
    slot->records++;
    at += 10 + (at[8] << 8 | at[9]);
  }
}

static void read_more(struct slot *slot) {
  ssize_t got = read(slot->fd, slot->in + slot->have, sizeof slot->in - slot->have);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("the server closed the connection");
  slot->have += got;
  for (;;) {
    size_t length = slot->in[0] << 8 | slot->in[1];
    if (slot->have < 2 || slot->have < 2 + length) return;
    take(slot, slot->in + 2);
    memmove(slot->in, slot->in + 2 + length, slot->have - 2 - length);
    slot->have -= 2 + length;
    if (slot->soas < 2) continue;
    if (slot->records != RECORDS || slot->have) {
      fprintf(stderr, "%d records, %zu octets too many\n", slot->records, slot->have);
      exit(1);
    }
    latency[done++] = (now() - slot->begun) * 1e3;
    if (is_fresh) {
      close(slot->fd);
      slot->fd = -1;
    }
    begin(slot);
    return;
  }
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int count, char **words) {
  if (count != 6) return 2;
  server.sin_family = AF_INET;
  server.sin_port = htons(atoi(words[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int connections = atoi(words[3]);
  is_fresh = !strcmp(words[4], "fresh");
  questions = malloc(100000 * sizeof *questions);
  question_length = malloc(100000 * sizeof *question_length);
  FILE *list = fopen(words[2], "r");
  if (!list) fail(words[2]);
  for (char name[300]; zone_count < 100000 && fscanf(list, "%299s", name) == 1;) make_question(zone_count++, name);
  total = (long)zone_count * atoi(words[5]);
  latency = malloc(total * sizeof *latency);
  epoll_fd = epoll_create1(0);
  struct slot *slots = calloc(connections, sizeof *slots);
  double begun = now();
  for (int index = 0; index < connections; index++) {
    slots[index].fd = -1;
    begin(&slots[index]);
  }
  struct epoll_event events[64];
  while (done < total) {
    int ready = epoll_wait(epoll_fd, events, 64, 10000);
    if (ready <= 0) fail("no answer for 10 s");
    for (int index = 0; index < ready; index++) read_more(events[index].data.ptr);
  }
  double took = now() - begun;
  qsort(latency, total, sizeof *latency, by_size);
  printf("%ld %.6f %.3f %.3f\n", total, took, latency[total / 2], latency[total * 99 / 100]);
  return 0;
}
