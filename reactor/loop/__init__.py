"""Readiness and time: the event loop, its timers, its wake-ups.

This layer knows file descriptors, callbacks and the monotonic clock. It must
never know what travels over a descriptor.
"""

from __future__ import annotations

from reactor.loop._core import Loop
from reactor.loop._registration import Registration
from reactor.loop.timers import Handle, TimerHandle

__all__ = ["Handle", "Loop", "Registration", "TimerHandle"]
