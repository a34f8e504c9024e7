"""What connections have in common, read once and not for each; the owner is told of their end.

A listener is the owner of what it has accepted. Knows limits and a loop; must never know
what a connection does.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE


cdef class ConnectionOwner:

    cdef int set_up(self, Loop loop, object limits) except -1:
        loop.check_open()  # or there is nothing to receive into
        self.loop = loop
        self.slot = loop.slot
        self.scratch = <const uint8_t *>PyByteArray_AS_STRING(loop.scratch)
        self.scratch_size = PyByteArray_GET_SIZE(loop.scratch)
        self.high = limits.write_high_water_bytes
        self.low = limits.write_low_water_bytes
        self.write_per_turn = limits.write_per_turn_bytes_max
        self.sendfile_per_turn = limits.sendfile_per_turn_bytes_max
        self.linger_timeout = limits.linger_timeout_s
        self.linger_time = limits.linger_time_s
        self.linger_rate = limits.linger_rate_min
        self.write_timeout = limits.write_timeout_s
        self.silent_grace = limits.silent_grace_s
        self.window, self.pauses_max = limits.write_window_bytes, limits.write_pauses_max
        self.least_taken = limits.least_taken
        self.vain_events_max = limits.vain_events_max
        return 0

    cdef object made(self):
        """A protocol for a connection; None if there is none."""
        return None

    cdef int closed(self, Endpoint connection) except -1:
        return 0


cdef class CallbackOwner(ConnectionOwner):
    """The owner of one connection that was made from Python."""

    cdef int closed(self, Endpoint connection) except -1:
        self.on_closed(connection)
        return 0
