"""What the wire asks the kernel for each connection, without a `socket.socket` in between.

A Python socket costs 96 bytes and three system calls to find out what we know. A connection owns
the number of its descriptor; it makes a Python socket when somebody asks for one.

Must never know: what is sent or received.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from reactor.parser._digits cimport DECIMAL_MAX, write_decimal
from reactor.parser._names cimport ascii

import os

cdef extern from *:
    """
    #define _GNU_SOURCE 1
    #include <arpa/inet.h>
    #include <fcntl.h>
    #include <netinet/in.h>
    #include <poll.h>
    #include <stddef.h>
    #include <sys/socket.h>
    #include <sys/un.h>
    #ifdef __linux__
    #include <linux/filter.h>
    #include <linux/sockios.h>
    #include <sys/ioctl.h>
    #endif

    #define UNIX_PATH_AT offsetof(struct sockaddr_un, sun_path)

    static int accept_at(int fd, struct sockaddr_storage *peer, socklen_t *size) {
    #ifdef SOCK_NONBLOCK
        return accept4(fd, (struct sockaddr *)peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    #else
        int accepted = accept(fd, (struct sockaddr *)peer, size);
        if (accepted >= 0) {
            fcntl(accepted, F_SETFD, FD_CLOEXEC);
            fcntl(accepted, F_SETFL, fcntl(accepted, F_GETFL) | O_NONBLOCK);
        }
        return accepted;
    #endif
    }

    static int close_by_reset(int fd) {
        struct linger now = {1, 0};
        return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

    static int error_of(int fd) {
        int number = 0;
        socklen_t size = sizeof number;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) ? 0 : number;
    }

    static int drop_syns(int fd) {
    #ifdef __linux__
        /* The flags of a segment are the byte 13 of its header, and SYN is 2 (RFC 9293 3.1). */
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
            BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, 0),
            BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        };
        struct sock_fprog program = {sizeof code / sizeof code[0], code};
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    #else
        return -1;
    #endif
    }

    static int queued_at(int fd) {
    #ifdef SIOCOUTQ
        int size;
        return ioctl(fd, SIOCOUTQ, &size) ? -1 : size;
    #else
        return -1;
    #endif
    }

    static long user_at(int fd) {
    #ifdef SO_PEERCRED
        struct ucred who;
        socklen_t size = sizeof who;
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) ? -1 : (long)who.uid;
    #else
        return -1;
    #endif
    }

    static int input_waits(int fd) {
        struct pollfd asked = {fd, POLLIN, 0};
        return poll(&asked, 1, 0) > 0;
    }
    """
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        int sa_family
    cdef struct sockaddr_in:
        uint16_t sin_port
        uint32_t sin_addr
    cdef struct sockaddr_in6:
        uint16_t sin6_port
        uint32_t sin6_addr, sin6_flowinfo, sin6_scope_id
    cdef struct sockaddr_un:
        char *sun_path
    const int AF_INET, AF_INET6
    const unsigned int UNIX_PATH_AT
    int accept_at(int fd, sockaddr_storage *peer, socklen_t *size) nogil
    int close_by_reset(int fd) nogil
    int drop_syns(int fd) nogil
    int error_of(int fd) nogil
    int input_waits(int fd) nogil
    int queued_at(int fd) nogil
    long user_at(int fd) nogil
    int c_shutdown "shutdown"(int fd, int how) nogil
    const int SHUT_RD
    const char *inet_ntop(int family, const void *address, char *text, socklen_t size) nogil
    uint16_t ntohs(uint16_t number) nogil
    uint32_t ntohl(uint32_t number) nogil


cdef int accept_ready(int fd, Peer *peer) noexcept:
    peer.size = sizeof(peer.address)
    return accept_at(fd, &peer.address, &peer.size)


cdef object peer_name(const Peer *peer):
    """As `socket.accept` has it."""
    cdef int family = (<const sockaddr *>&peer.address).sa_family
    if family == AF_INET:
        return inet_name(<const sockaddr_in *>&peer.address)
    if family == AF_INET6:
        return inet6_name(<const sockaddr_in6 *>&peer.address)
    if peer.size <= UNIX_PATH_AT:
        return ""  # a client's Unix socket has no name, as a rule
    path = PyBytes_FromStringAndSize(
        (<const sockaddr_un *>&peer.address).sun_path, peer.size - UNIX_PATH_AT)
    # An abstract name begins with a NUL and may hold more of them; a path ends at one.
    return path if path.startswith(b"\0") else os.fsdecode(path.partition(b"\0")[0])


# The host of the last client. Behind a proxy, or in a benchmark, it is everybody's: then no text
# is made for each, nor kept by each of thousands that are idle.
cdef uint32_t known_address = 0
cdef str known_host = "0.0.0.0"


cdef object inet_name(const sockaddr_in *address):
    global known_address, known_host
    cdef uint32_t number = (<const uint32_t *>&address.sin_addr)[0]
    if number != known_address:
        known_host = dotted(address)
        known_address = number
    return known_host, ntohs(address.sin_port)


cdef str dotted(const sockaddr_in *address):
    # glibc's inet_ntop takes longer than accept's own way through this module.
    cdef const uint8_t *part = <const uint8_t *>&address.sin_addr
    cdef uint8_t[16 + DECIMAL_MAX] text
    cdef uint8_t *end = text + sizeof(text)
    cdef uint8_t *first = end
    cdef int i
    for i in range(3, -1, -1):
        first = write_decimal(first, part[i])
        if i:
            first -= 1
            first[0] = c'.'
    return ascii(first, end - first)


cdef object inet6_name(const sockaddr_in6 *address):
    cdef char text[64]
    inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text))
    return ((<bytes>text).decode("ascii"), ntohs(address.sin6_port),
            ntohl(address.sin6_flowinfo), address.sin6_scope_id)


cpdef bint has_input(int fd) noexcept:
    return input_waits(fd)


cpdef int unacknowledged(int fd) noexcept:
    return queued_at(fd)


cpdef long user_of(int fd) noexcept:
    return user_at(fd)


cpdef int refuse_new(int fd, bint by_path) noexcept:
    # A Unix socket whose reading side is shut takes nobody in, and keeps those in its queue.
    return c_shutdown(fd, SHUT_RD) if by_path else drop_syns(fd)


cpdef int reset_on_close(int fd) noexcept:
    # Fails if it is no TCP, or closed already: then there is nothing to reset.
    return close_by_reset(fd)


cdef int pending_error(int fd) noexcept:
    """The errno of a connection that has ended by itself; 0: it has none."""
    return error_of(fd)


cdef object last_os_error():
    """The exception for errno, as a value."""
    try:
        PyErr_SetFromErrno(OSError)
    except OSError as error:
        return error
