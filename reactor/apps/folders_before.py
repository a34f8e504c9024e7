"""Folders in front of an application: files are answered from them, the rest by the application.

    /static/x, and there is such a file      the folder, with all its rules
    everything else                          the application, as if there were no folder

What has another method than GET or HEAD is never looked for, nor what is hidden, outside or gone:
only the application can say what that is. Must never know what application it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reactor.errors import ConfigurationError
from reactor.http._exchange import Exchange
from reactor.http.app import App
from reactor.http.body import LateResponse
from reactor.parser._message import Request, Response

if TYPE_CHECKING:
    from reactor.apps.static import StaticFolder


class FoldersBefore:
    """An app that is ``app`` but for what is in the folders; their keys are prefixes of paths."""

    def __init__(self, app: App, folders: Mapping[str, StaticFolder]) -> None:
        # What a machine looks at besides `respond`, as far as the application has it.
        self.body_bytes_max = app.body_bytes_max
        self.streams_bodies = getattr(app, "streams_bodies", False)
        self.error_fields = getattr(app, "error_fields", ())
        self.name: Any = getattr(app, "name", None)
        self._respond = app.respond
        prefixes = {checked_prefix(prefix): folder for prefix, folder in folders.items()}
        # Of "/a/b/" and "/a/", the longer one is asked first.
        self._finds = [
            (
                prefix,
                prefixes[prefix].recall,
                prefixes[prefix].find,
                prefix.strip("/").count("/") + (prefix != "/"),
            )
            for prefix in sorted(prefixes, key=len, reverse=True)
        ]

    def respond(self, request: Request) -> Response | Exchange | LateResponse:
        target = request.target
        for prefix, recall, find, names in self._finds:
            if target.startswith(prefix):
                answer = recall(request) or find(request, names)
                if answer is not None:
                    return answer
        return self._respond(request)


def checked_prefix(prefix: str) -> str:
    """A prefix of paths, with a slash at both ends.

    >>> checked_prefix("/static"), checked_prefix("/")
    ('/static/', '/')

    Raises:
        ConfigurationError: no path begins so.
    """
    plain = isinstance(prefix, str) and prefix.isascii() and prefix.isprintable()
    if not plain or not prefix.startswith("/") or set(prefix) & set("?#% \\") or "//" in prefix:
        raise ConfigurationError(
            f"{prefix!r:.80} is no prefix of paths: write it as /static, without escapes"
        )
    return prefix if prefix.endswith("/") else f"{prefix}/"
