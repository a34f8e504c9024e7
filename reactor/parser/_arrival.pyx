"""How a request arrived, where that is more than a request over plain TCP can say of itself.

Must never know: who has told it, and whether that is believed.
"""


cdef class CertifiedHosts:

    def __init__(self, allows):
        self.allows = allows
        self.known = b"\n"  # which no host is


cdef class Arrival:

    def __init__(self, str scheme not None="http", str host=None, peer=None, tls=None,
                 CertifiedHosts hosts=None):
        self.scheme = scheme
        self.host = host
        self.peer = peer
        self.tls = tls
        self.hosts = hosts

    def __repr__(self):
        return f"Arrival({self.scheme!r}, {self.host!r}, {self.peer!r})"


PLAINLY = Arrival()
