"""Whose code has failed, in the words of the log.

A traceback shows only frames that are there: of a generator that yields text, or of a handler
that returns it, there is none. So the line above it names the application.
"""

from __future__ import annotations

from typing import Any

from reactor.parser._message import Request


def name_of(application: Any) -> str:
    """What an application is called: ``module:function``.

    >>> name_of(name_of)
    'reactor.http.blame:name_of'
    """
    named = application if hasattr(application, "__qualname__") else type(application)
    return f"{named.__module__}:{named.__qualname__}"


def doing(what: str, request: Request | None, app: Any) -> str:
    """What was done when ``app`` failed: for which request, and by whose code."""
    asked = "a request" if request is None else f"{request.method} {request.target}"
    name = getattr(app, "name", None)
    return f"{what} {asked} by {name}" if isinstance(name, str) else f"{what} {asked}"
