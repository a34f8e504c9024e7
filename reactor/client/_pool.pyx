"""The connections to one origin: some in use, some idle, and who waits for one.

At most so many at a time. A connection that comes free serves who waits longest; an idle one is
kept for a while, then closed. Must never know what is asked for. The docstrings are in `_pool.pyi`.
"""

cimport cython
from reactor.http._client cimport ClientMachine

from collections import deque

from reactor.client.opening import Opening


@cython.nonecheck(True)
# 0023: compiled, so a connection that comes free asks for the next transfer without a Python call.
cdef class PooledMachine(ClientMachine):

    cdef Pool pool
    cdef public object opening
    cdef readonly int served

    def __init__(self, limits, Pool pool not None):
        super().__init__(limits)
        self.pool = pool

    cpdef connection_made(self, transport):
        ClientMachine.connection_made(self, transport)
        opening, self.opening = self.opening, None
        if opening is not None:
            opening.opened()

    cdef int freed(self) except -1:
        self.served += 1
        return self.pool.freed(self) if self.is_ready() else 0

    cpdef connection_lost(self, exc):
        ClientMachine.connection_lost(self, exc)
        self.pool.lost(self)


@cython.nonecheck(True)
cdef class Pool:

    cdef object client, way
    cdef int count                      # open, or on their way to be
    cdef list idle
    cdef object waiting
    cdef dict openings

    def __init__(self, client, way):
        self.client = client
        self.way = way
        self.idle = []
        self.waiting = deque()
        self.openings = {}

    def submit(self, transfer, bint fresh=False):
        if self.idle and not fresh:
            machine = self.idle.pop()
            self.client.no_longer_idle(machine)
            transfer.begin_on(machine)
        elif self.count < self.client.per_host:
            self._open(transfer)
        elif fresh:
            self.waiting.appendleft(transfer)
        else:
            self.waiting.append(transfer)

    def withdraw(self, transfer):
        opening = self.openings.pop(transfer, None)
        if opening is not None:
            opening.cancel()
            self.gone()
        elif transfer in self.waiting:
            self.waiting.remove(transfer)

    def close(self):
        # Their transfers are ended next; until then nobody may get another's connection.
        self.waiting.clear()

    cdef int freed(self, PooledMachine machine) except -1:
        if self.waiting:
            self.waiting.popleft().begin_on(machine)
        else:
            self.idle.append(machine)
            self.client.now_idle(machine)
        return 0

    cdef int lost(self, PooledMachine machine) except -1:
        if machine in self.idle:
            self.idle.remove(machine)
            self.client.no_longer_idle(machine)
        return self.gone()

    cdef int gone(self) except -1:
        """There is room for one more connection."""
        self.count -= 1
        if self.waiting:
            self._open(self.waiting.popleft())
        elif not self.count:
            self.client.forget(self.way)
        return 0

    def _open(self, transfer):
        self.count += 1
        machine = PooledMachine(self.client.limits, self)

        def opened():
            del self.openings[transfer]
            transfer.begin_on(machine)

        def failed(error):
            if self.openings.pop(transfer, None) is not None:
                self.gone()
                transfer.not_connected(error)

        opening = Opening(
            self.client, self.way, machine, transfer.url, transfer.timings, opened, failed)
        machine.opening = self.openings[transfer] = opening
        opening.start()
