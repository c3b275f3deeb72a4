/* Sends the datagrams of a file to one UDP port, in turn and as fast as one core can, and prints how many went out.
 *
 *     flood ADDRESS PORT SECONDS < datagrams        each datagram is a 2-byte length (big endian) and its bytes
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define AT_ONCE 64
#define MOST 20000

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static struct iovec parts[MOST];
    struct mmsghdr batch[AT_ONCE];
    unsigned char size[2];
    int count = 0;
    if (argc != 4) return 2;
    while (count < MOST && fread(size, 1, 2, stdin) == 2) {
        size_t length = size[0] * 256u + size[1];
        parts[count].iov_base = malloc(length + 1);
        parts[count].iov_len = length;
        if (fread(parts[count].iov_base, 1, length, stdin) != length) return 3;
        count++;
    }
    if (!count) return 4;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int wire = socket(AF_INET, SOCK_DGRAM, 0);
    if (wire < 0 || connect(wire, (struct sockaddr *)&to, sizeof to)) return 5;
    unsigned long long sent = 0;
    int next = 0;
    double began = now(), seconds = atof(argv[3]);
    while (now() - began < seconds) {
        memset(batch, 0, sizeof batch);
        for (int at = 0; at < AT_ONCE; at++) {
            batch[at].msg_hdr.msg_iov = &parts[next];
            batch[at].msg_hdr.msg_iovlen = 1;
            next = (next + 1) % count;
        }
        int done = sendmmsg(wire, batch, AT_ONCE, 0);
        if (done > 0) sent += done;
    }
    printf("sent %llu in %.3f\n", sent, now() - began);
    return 0;
}
