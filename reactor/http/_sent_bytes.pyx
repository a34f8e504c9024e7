"""How much of each answer the kernel has taken, for the log.

An answer is in the log when its last byte has left, or when none of it can leave any more; and
the log says how many bytes of its body did, chunks' framing included (nginx: $body_bytes_sent).
A connection has a tally only if somebody wants to know.

Must never know: what is logged, and where.
"""

from collections import deque


cdef class SentBytes:

    def __cinit__(self):
        self.owed = deque()

    cdef int began(self, int64_t head_size, int64_t size) except -1:
        """A head, and ``size`` bytes with it."""
        self.body_at = self.handed + head_size
        self.handed += size
        return 0

    cdef int ended(self, object request, int status) except -1:
        """Nothing more of the answer under way will be handed over."""
        self.owed.append((request, status, self.body_at, self.handed))
        return 0

    cdef tuple next_taken(self, int64_t taken, bint lost):
        """The next answer that is over: (request, status, bytes of its body); None: not yet.

        ``lost``: what is not taken now never will be.
        """
        cdef int64_t body_at, end
        if not self.owed:
            return None
        request, status, body_at, end = self.owed[0]
        if taken < end and not lost:
            return None
        self.owed.popleft()
        return request, status, max(0, min(taken, end) - body_at)
