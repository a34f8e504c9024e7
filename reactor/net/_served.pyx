"""What a server asks of a connection: whether anything is under way, and to come to its end.

Only the protocol knows either. One that leaves a method out, or answers None or NotImplemented,
cannot tell: then the connection counts as busy, and has a grace.

Must never know: what is sent or received.
"""

from reactor.net._timed cimport OPEN


cdef class ServedEndpoint(TimedEndpoint):

    cdef object call_protocol(self, str method, tuple args):
        raise NotImplementedError

    cdef bint has_unsent(self) noexcept:
        return False

    @property
    def idle(self):
        if self.state != OPEN or self.has_unsent():
            return False
        return bool(self.call_protocol("is_idle", ()))

    @property
    def under_way(self):
        return self.has_unsent() if self.state != OPEN else not self.idle

    def finish(self, double grace_s=0):
        if not hasattr(self.protocol, "finish") or (
                self.call_protocol("finish", ()) is NotImplemented):
            # What has come by then is received first.
            self.loop.call_later(grace_s, (<object>self).close)

    def end_stream(self):
        self.call_protocol("end_stream", ())
