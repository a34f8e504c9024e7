"""What a loop writes into a slot of itself: the C face of `_heartbeat.pyx`."""

from reactor.process._page cimport Slot

cdef int turn_begins(Slot slot, double now) noexcept
cdef int turn_ends(Slot slot, double now) noexcept
