"""What the wire asks the kernel for each connection, without a `socket.socket` in between.

A Python socket costs 96 bytes and three system calls to find out what we know. `Socket` owns a
descriptor and nothing else; whoever wants to do more with it asks for the Python one.

Must never know: what is sent or received.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t

import os
import socket

cdef extern from *:
    """
    #define _GNU_SOURCE 1
    #include <arpa/inet.h>
    #include <fcntl.h>
    #include <netinet/in.h>
    #include <stddef.h>
    #include <sys/socket.h>
    #include <sys/un.h>
    #include <unistd.h>

    #define UNIX_PATH_AT offsetof(struct sockaddr_un, sun_path)

    typedef union {
        struct sockaddr any;
        struct sockaddr_in inet;
        struct sockaddr_in6 inet6;
        struct sockaddr_un local;
    } Address;

    static int accept_ready(int fd, Address *peer, socklen_t *size) {
    #ifdef SOCK_NONBLOCK
        return accept4(fd, &peer->any, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    #else
        int accepted = accept(fd, &peer->any, size);
        if (accepted >= 0) {
            fcntl(accepted, F_SETFD, FD_CLOEXEC);
            fcntl(accepted, F_SETFL, fcntl(accepted, F_GETFL) | O_NONBLOCK);
        }
        return accepted;
    #endif
    }

    static int linger_not(int fd) {
        struct linger now = {1, 0};
        return setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
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
    ctypedef union Address:
        sockaddr any
        sockaddr_in inet
        sockaddr_in6 inet6
        sockaddr_un local
    const int AF_INET, AF_INET6, AF_UNIX, INET6_ADDRSTRLEN
    const int UNIX_PATH_AT
    int accept_ready(int fd, Address *peer, socklen_t *size) nogil
    int linger_not(int fd) nogil
    int close(int fd) nogil
    const char *inet_ntop(int family, const void *address, char *text, socklen_t size) nogil
    uint16_t ntohs(uint16_t number) nogil
    uint32_t ntohl(uint32_t number) nogil


@cython.freelist(16)
cdef class Socket:

    def __cinit__(self, int fd):
        self.fd = fd

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)

    def fileno(self):
        return self.fd

    def close(self):
        cdef int fd = self.detach()
        if fd >= 0:
            close(fd)

    def detach(self):
        fd, self.fd = self.fd, -1
        return fd


def accept(int fd):
    cdef Address peer
    cdef socklen_t size = sizeof(Address)
    cdef int accepted = accept_ready(fd, &peer, &size)
    if accepted < 0:
        if errno == EAGAIN or errno == EINTR:
            return None
        PyErr_SetFromErrno(OSError)
    return Socket(accepted), peer_name(&peer, size)


cdef object peer_name(Address *peer, socklen_t size):
    """As `socket.accept` has it."""
    cdef char text[64]
    if peer.any.sa_family == AF_INET:
        # glibc's inet_ntop takes longer than accept's own way through this module.
        return dotted(<const uint8_t *>&peer.inet.sin_addr), ntohs(peer.inet.sin_port)
    if peer.any.sa_family == AF_INET6:
        inet_ntop(AF_INET6, &peer.inet6.sin6_addr, text, sizeof(text))
        return ((<bytes>text).decode("ascii"), ntohs(peer.inet6.sin6_port),
                ntohl(peer.inet6.sin6_flowinfo), peer.inet6.sin6_scope_id)
    if size <= UNIX_PATH_AT:
        return ""  # a client's Unix socket has no name, as a rule
    path = PyBytes_FromStringAndSize(peer.local.sun_path, size - UNIX_PATH_AT)
    # An abstract name begins with a NUL and may hold more of them; a path ends at one.
    return path if path.startswith(b"\0") else os.fsdecode(path.partition(b"\0")[0])


cdef str dotted(const uint8_t *address):
    cdef char text[16]
    cdef int i, size = 0
    for i in range(4):
        if address[i] >= 100:
            text[size] = c'0' + address[i] // 100
            size += 1
        if address[i] >= 10:
            text[size] = c'0' + address[i] // 10 % 10
            size += 1
        text[size] = c'0' + address[i] % 10
        text[size + 1] = c'.'
        size += 2
    return PyUnicode_DecodeASCII(text, size - 1, NULL)


def python_socket(sock):
    """A `socket.socket` that takes over what ``sock`` owns; itself if it is one."""
    return socket.socket(fileno=sock.detach()) if isinstance(sock, Socket) else sock


cpdef int reset_on_close(int fd) noexcept:
    # Fails if it is no TCP, or closed already: then there is nothing to reset.
    return linger_not(fd)
