/* Takes zone transfers as fast as one core can, and checks that each is whole:
 *   drain PORT REQUESTS TRANSFERS CONNECTIONS fresh|kept
 * REQUESTS is a file of DNS messages, each behind its length as on a TCP connection; they are asked in turn, so whoever wrote them may
 * have signed them. Every record that comes is walked. An answer ends as RFC 5936 and RFC 1995 say; one of a single SOA is whole too.
 * Prints one line: transfers, failures, seconds, CPU seconds, records, messages, octets, and milliseconds from the first step to the
 * last octet: least, median, 99th percentile, most; and the last serial. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM (1 << 19)
#define SOA 6
#define AXFR 252

/* Where in an answer we are: before anything, behind the first SOA, in a whole zone, in what was deleted, in what was added. */
enum place { START, FIRST, WHOLE, DELETED, ADDED, END };

struct request { const unsigned char *bytes; size_t length; };
struct connection {
  int fd, request;
  enum place place;
  unsigned serial;
  double begun;
  size_t have, sent;
  long records;
  unsigned char *in;
};

static struct request *requests;
static int request_count, is_fresh, epoll_fd;
static struct sockaddr_in server;
static long wanted, started, done, failed, records, messages, octets;
static unsigned last_serial;
static double *milliseconds;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static unsigned word(const unsigned char *at) { return at[0] << 8 | at[1]; }

/* Behind the name at `at`; NULL where it runs out of the message. */
static const unsigned char *skip_name(const unsigned char *at, const unsigned char *end) {
  while (at < end) {
    if (*at >= 0xc0) return at + 2 <= end ? at + 2 : NULL;
    if (*at == 0) return at + 1;
    at += *at + 1;
  }
  return NULL;
}

static void see(struct connection *c, int is_soa, unsigned serial) {
  switch (c->place) {
  case START: c->place = is_soa ? FIRST : END; c->serial = serial; break;
  case FIRST: c->place = !is_soa ? WHOLE : serial == c->serial ? END : DELETED; break;
  case WHOLE: if (is_soa) c->place = END; break;
  case DELETED: if (is_soa) c->place = ADDED; break;
  case ADDED: if (is_soa) c->place = serial == c->serial ? END : DELETED; break;
  case END: break;
  }
}

/* Walks one message. 1: the answer is whole, 0: there is more to come, -1: it is no good. */
static int take(struct connection *c, const unsigned char *message, size_t length) {
  const unsigned char *at = message + 12, *end = message + length;
  if (length < 12 || (message[3] & 15) != 0) return -1;
  int is_axfr = 1;
  for (unsigned left = word(message + 4); left > 0; left--) {
    at = skip_name(at, end);
    if (at == NULL || at + 4 > end) return -1;
    at += 4;
  }
  unsigned answers = word(message + 6);
  messages++;
  octets += length + 2;
  for (unsigned left = answers; left > 0; left--) {
    at = skip_name(at, end);
    if (at == NULL || at + 10 > end) return -1;
    unsigned type = word(at);
    const unsigned char *data = at + 10, *next = data + word(at + 8);
    if (next > end) return -1;
    unsigned serial = 0;
    if (type == SOA) {
      if (next - data < 20) return -1;
      memcpy(&serial, next - 20, 4);
      serial = ntohl(serial);
    }
    see(c, type == SOA, serial);
    c->records++;
    at = next;
  }
  const struct request *asked = &requests[c->request];
  const unsigned char *question = skip_name(asked->bytes + 14, asked->bytes + asked->length);
  is_axfr = word(question) == AXFR;
  if (c->place == FIRST && answers == 1 && !is_axfr) return 1;
  return c->place == END;
}

static void begin(struct connection *c);

static void finish(struct connection *c, int is_good) {
  if (is_good) {
    milliseconds[done++] = now() - c->begun;
    records += c->records;
    last_serial = c->serial;
  } else {
    failed++;
  }
  if (is_fresh || !is_good || started == wanted) {
    close(c->fd);
    c->fd = -1;
  }
  if (started < wanted) begin(c);
}

static void ask(struct connection *c) {
  const struct request *request = &requests[c->request];
  while (c->sent < request->length) {
    ssize_t count = write(c->fd, request->bytes + c->sent, request->length - c->sent);
    if (count < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
    if (count < 0) die("write");
    c->sent += count;
  }
}

static void begin(struct connection *c) {
  static unsigned spread;
  c->request = started++ % request_count;
  c->place = START;
  c->records = 0;
  c->have = c->sent = 0;
  c->begun = now();
  if (c->fd >= 0) {
    ask(c);
    return;
  }
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) die("socket");
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  /* many sources, so that ports in TIME_WAIT do not run out */
  struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + spread++ % 60)};
  setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
  if (bind(c->fd, (struct sockaddr *)&source, sizeof source) < 0) die("bind");
  if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) die("connect");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
  ask(c);
}

static void receive(struct connection *c) {
  for (;;) {
    ssize_t count = read(c->fd, c->in + c->have, ROOM - c->have);
    if (count < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
    if (count <= 0) {
      finish(c, 0);
      return;
    }
    c->have += count;
    size_t at = 0;
    while (c->have - at >= 2 && c->have - at >= 2 + word(c->in + at)) {
      size_t length = word(c->in + at);
      int is_whole = take(c, c->in + at + 2, length);
      at += 2 + length;
      if (is_whole == 0) continue;
      /* the next one may be under way on the same socket: nothing is left of this one */
      finish(c, is_whole == 1 && at == c->have);
      if (c->fd < 0) return;
      at = c->have = 0;
      break;
    }
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
  }
}

static int ascending(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static void read_requests(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  static unsigned char bytes[1 << 22];
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  for (size_t at = 0; at + 2 <= length; at += 2 + word(bytes + at)) {
    requests = realloc(requests, (request_count + 1) * sizeof *requests);
    requests[request_count++] = (struct request){bytes + at, 2 + word(bytes + at)};
  }
}

int main(int count, char **words) {
  if (count != 6) {
    fprintf(stderr, "usage: drain PORT REQUESTS TRANSFERS CONNECTIONS fresh|kept\n");
    return 2;
  }
  server = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  read_requests(words[2]);
  wanted = atol(words[3]);
  int width = atoi(words[4]);
  is_fresh = strcmp(words[5], "fresh") == 0;
  milliseconds = calloc(wanted, sizeof *milliseconds);
  epoll_fd = epoll_create1(0);
  double start = now();
  for (int index = 0; index < width && started < wanted; index++) {
    struct connection *c = calloc(1, sizeof *c);
    c->fd = -1;
    c->in = malloc(ROOM);
    begin(c);
  }
  struct epoll_event events[64];
  while (done + failed < wanted) {
    int ready = epoll_wait(epoll_fd, events, 64, 120000);
    if (ready <= 0) die("two minutes without an octet");
    for (int index = 0; index < ready; index++) {
      struct connection *c = events[index].data.ptr;
      if (c->fd < 0) continue;
      if (c->sent < requests[c->request].length) ask(c);
      receive(c);
    }
  }
  double seconds = (now() - start) / 1e3;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  qsort(milliseconds, done, sizeof *milliseconds, ascending);
  double none = 0, *sorted = done > 0 ? milliseconds : &none;
  long last = done > 0 ? done - 1 : 0;
  printf("%ld %ld %.6f %.3f %ld %ld %ld %.4f %.4f %.4f %.4f %u\n", done, failed, seconds, cpu, records, messages, octets, sorted[0],
         sorted[last / 2], sorted[last * 99 / 100], sorted[last], last_serial);
  return failed > 0;
}
