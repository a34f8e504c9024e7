"""Readiness and time: the event loop, its timers, its wake-ups.

This layer knows file descriptors, callbacks and the monotonic clock. It must
never know what travels over a descriptor.
"""

from __future__ import annotations

from .core import Handler, Loop, Registration
from .deadline import Deadline
from .timers import Handle, TimerHandle

__all__ = ["Deadline", "Handle", "Handler", "Loop", "Registration", "TimerHandle"]
