/* The floor: what the kernel alone costs. One thread, level-triggered epoll; for each ready
 * socket one recv, a search for blank lines, one send with a fixed response for each of them.
 * No parsing, no limits, no time-outs, no Date: nobody may serve with it, it is the scale on
 * which servers are measured.
 *
 *     cc -O2 -o floor reactor/bench/served/floor.c && ./floor [PORT]     prints "floor on http://127.0.0.1:PORT/"
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, FDS_MAX = 65536, RESPONSES_MAX = 1024 };

#define RESPONSE "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" \
                 "Content-Length: 13\r\n\r\nHello, World!"
#define RESPONSE_BYTES (sizeof RESPONSE - 1)

static char out[RESPONSES_MAX * RESPONSE_BYTES];
static char in[65536];
static size_t line_bytes[FDS_MAX]; /* of the line that a socket's last recv left unfinished */

static void answer(int fd, size_t n)
{
    size_t blank = 0, carried = line_bytes[fd];
    char *line = in, *end = in + n, *feed;
    for (; (feed = memchr(line, '\n', (size_t)(end - line))); line = feed + 1, carried = 0)
        blank += carried + (size_t)(feed - line) <= 1; /* nothing, or the CR */
    line_bytes[fd] = carried + (size_t)(end - line);
    if (!blank)
        return;
    /* What a short send leaves would need a buffer: a client that does not read is dropped. */
    if (blank > RESPONSES_MAX
        || send(fd, out, blank * RESPONSE_BYTES, 0) != (ssize_t)(blank * RESPONSE_BYTES))
        close(fd);
}

static int listening(int port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    socklen_t size = sizeof where;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (bind(fd, (void *)&where, size) || listen(fd, 2048)) {
        perror("floor");
        exit(1);
    }
    getsockname(fd, (void *)&where, &size);
    printf("floor on http://127.0.0.1:%d/\n", ntohs(where.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS], one = {.events = EPOLLIN};
    int poll = epoll_create1(0), listener = listening(argc > 1 ? atoi(argv[1]) : 0);

    for (size_t i = 0; i < RESPONSES_MAX; i++)
        memcpy(out + i * RESPONSE_BYTES, RESPONSE, RESPONSE_BYTES);
    one.data.fd = listener;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &one);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                ssize_t n = recv(fd, in, sizeof in, 0);
                if (n > 0)
                    answer(fd, (size_t)n);
                else
                    close(fd);
            } else if ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= FDS_MAX) {
                close(fd);
            } else if (fd >= 0) {
                line_bytes[fd] = 0;
                one.data.fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &one);
            }
        }
    }
}
