"""What a parser gives apart from heads: the parts of a body, and the end of a message.

Must never know where they come from.
"""

cimport cython

from reactor.parser._headers cimport Headers

cdef Headers NO_TRAILERS = Headers()


@cython.final
@cython.freelist(16)
@cython.auto_pickle(False)
cdef class Body:
    __match_args__ = ("data",)

    def __init__(self, bytes data not None):
        self.data = data

    def __eq__(self, other):
        return self.data == (<Body>other).data if isinstance(other, Body) else NotImplemented

    def __hash__(self):
        return hash(self.data)

    def __reduce__(self):
        return Body, (self.data,)

    def __repr__(self):
        return f"<Body of {len(self.data)} bytes>"


@cython.final
@cython.auto_pickle(False)
cdef class End:
    __match_args__ = ("trailers",)

    def __init__(self, trailers=None):
        self.trailers = NO_TRAILERS if trailers is None else Headers(trailers)

    def __eq__(self, other):
        return self.trailers == (<End>other).trailers if isinstance(other, End) else NotImplemented

    def __hash__(self):
        return hash(self.trailers)

    def __reduce__(self):
        return End, (self.trailers,)

    def __repr__(self):
        return f"<End {self.trailers.items()!r}>"


cdef Body body_of(bytes data):
    cdef Body body = Body.__new__(Body)
    body.data = data
    return body
