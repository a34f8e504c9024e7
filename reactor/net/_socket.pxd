"""Accepting without a `socket.socket`: the C face of `_socket.pyx`."""

cdef extern from "<sys/socket.h>" nogil:
    cdef struct sockaddr_storage:
        pass

cdef struct Peer:
    sockaddr_storage address
    unsigned int size

# The descriptor, non-blocking and not inherited, and whose it is; -1: errno says why.
cdef int accept_ready(int fd, Peer *peer) noexcept
cdef object peer_name(const Peer *peer)
cpdef bint has_input(int fd) noexcept
cpdef int unacknowledged(int fd) noexcept
# Whether it is this user, or root, who has connected by a Unix socket.
cpdef long user_of(int fd) noexcept
cpdef int refuse_new(int fd, bint by_path) noexcept
cpdef int reset_on_close(int fd) noexcept
cdef int pending_error(int fd) noexcept
cdef object last_os_error()
