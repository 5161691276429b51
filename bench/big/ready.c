/* What the machine can do at most: answers every question with the same octets, which are ready.
 *   ready FILE
 * Prints its port. One client at a time in each of eight processes; the ids in the octets are as they are. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int client, const char *bytes, size_t length) {
  char question[65537];
  size_t have = 0;
  for (ssize_t count; (count = read(client, question + have, sizeof question - have)) > 0;) {
    have += count;
    if (have < 2 || have < 2 + (size_t)((unsigned char)question[0] << 8 | (unsigned char)question[1])) continue;
    have = 0;
    for (size_t sent = 0; sent < length; sent += count) {
      count = write(client, bytes + sent, length - sent);
      if (count <= 0) return;
    }
  }
}

int main(int count, char **words) {
  FILE *file = count == 2 ? fopen(words[1], "rb") : NULL;
  if (file == NULL) return 2;
  fseek(file, 0, SEEK_END);
  size_t length = ftell(file);
  rewind(file);
  char *bytes = malloc(length);
  if (fread(bytes, 1, length, file) != length) return 1;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 64) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (int index = 1; index < 8 && fork() > 0; index++) continue;
  for (;;) {
    int client = accept(listener, NULL, NULL);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    serve(client, bytes, length);
    close(client);
  }
}
