"""One connection: the C face of `_connection.pyx`."""

from reactor._protocol cimport flag
from reactor.net._owner cimport ConnectionOwner
from reactor.net._outgoing cimport Outgoing
from reactor.net._served cimport ServedEndpoint

cdef class Connection(ServedEndpoint):
    cdef object error               # what ended it; None: nothing did, or an orderly end
    cdef Outgoing outgoing
    cdef int vain_events            # in a row: the kernel said ready, and was not
    cdef flag lingers, reading, eof_seen, eof_wanted, eof_sent
    cdef flag producer_paused, flush_planned, wants_write
    cdef flag corked                # until the next flush
    cdef flag flush_follows         # behind the one that is under way

    cdef int begin(self, ConnectionOwner owner, object protocol, object peer) except -1
    cdef int start(self) except -1
    cpdef shed(self)
    cdef object contained(self, int event, object callback, tuple args)
    cdef int failed(self, object exception) except -1
    cdef int notify_made(self) except -1
    cdef int readable(self) except -1
    cdef Py_ssize_t recv(self, Py_ssize_t size) except -2
    cdef int writable(self) except -1
    cdef int came_to_nothing(self) except -1
    cdef int received(self, Py_ssize_t size) except -1
    cdef int peer_ended(self) except -1
    cdef int plan_flush(self) except -1
    cdef int all_sent(self) except -1
    cdef int linger(self) except -1
    cdef int end_short(self, object error) except -1
    cdef int send_eof(self) except -1
    cdef int want(self, bint write) except -1
    cdef int wrote(self) except -1
    cdef int check_not_half_closed(self) except -1
    cdef int descriptor_removed(self) except -1
    cdef int notify_lost(self) except -1
