"""The static folder: which file answers which request.

Theory of operation. ``respond`` turns a target into names (``resolve``), the names into an
open file or a folder, and leaves the rest to those who know it: ``content`` for a file's
fields, ranges and preconditions, ``listing`` and ``index`` for a folder's page. What is
outside, hidden, missing, unreadable or neither file nor folder gives one and the same 404,
so that nobody can ask which it is. The policy on paths and symbolic links is in ``resolve``.

Must never see a socket, and never open a file but through ``Root``.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Sequence

from reactor._file import File
from reactor.apps.answer_cache import Answers
from reactor.apps.content import Fields, joined, serve_content, serve_page
from reactor.apps.index import POLICY, Order, render_html, render_json
from reactor.apps.listing import FolderReader
from reactor.apps.mime import compressible, media_type
from reactor.apps.path_resolution import Root, quote, raw_path, split_target
from reactor.errors import HeaderError, LocalProtocolError
from reactor.http._response import refuse_the_machines
from reactor.http.ascii import lower
from reactor.http.negotiation import prefers, rank_codings
from reactor.parser._digits import parse_digits
from reactor.parser._headers import Headers
from reactor.parser._message import Request, Response

# Our order between codings that the client likes equally: the smallest result first.
_SIBLINGS = {"br": b".br", "zstd": b".zst", "gzip": b".gz"}

_OWN_PAGE: Fields = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
]
_ERROR_PAGE: Fields = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    *_OWN_PAGE,
]

# Scripts see only a few fields unless they are told: without these no player and no PDF viewer
# of another site can fetch parts, or know whether they are of one version.
_CORS: Fields = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Accept-Ranges, Content-Range, ETag"),
]

# What describes the bytes is known only here; what frames them, in the HTTP machine.
_RESERVED = frozenset(
    {
        "accept-ranges", "allow", "content-encoding", "content-length", "content-range", "date",
        "etag", "last-modified", "location",
    }
)  # fmt: skip

# How often the root's path is looked at again; remembered answers do not live longer.
FOLLOW_S = 1.0

_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class StaticFolder:
    """An app that answers GET and HEAD from the files beneath one folder.

    Args:
        root: the folder; kept open, and opened anew when its path leads to another one.
        index: name or names of the file that answers for its folder; empty for none.
        listing: whether a folder without such a file is answered with a page of its entries.
        spa: whether a missing path without a dot in its last name is answered with the root's
            index file (client-side routing).
        cors: whether scripts of any other site may read the answers.
        headers: (name, value) pairs added to every answer, in place of ours of that name.
        precompressed: whether ``.br``, ``.zst`` and ``.gz`` siblings that are no older than a
            file answer for it when the client accepts them.

    Raises:
        ConfigurationError: the root cannot be opened, or a header is not for you to set.
    """

    body_bytes_max = 0

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        index: str | Sequence[str] = "index.html",
        listing: bool = True,
        spa: bool = False,
        cors: bool = False,
        headers: Iterable[tuple[str, str]] = (),
        precompressed: bool = True,
    ) -> None:
        self._root = Root(root)
        indexes = [index] if isinstance(index, str) else index
        self._follow_at = time.monotonic() + FOLLOW_S
        self._answers = Answers(self._root)
        self.recall = self._answers.recall
        self._indexes = [os.fsencode(name) for name in indexes if name]
        self._folders = FolderReader(self._root) if listing else None
        self._spa = spa
        self._cors = cors
        self._precompressed = precompressed
        self._extra = _checked(headers)
        if cors:
            self._extra += _CORS
        self.error_fields = self._extra
        self._replaced = {lower(name) for name, _ in self._extra} - {"vary"}
        self._not_found = self._error(404, "Not Found\n")
        methods = "GET, HEAD, OPTIONS" if cors else "GET, HEAD"
        self._not_allowed = self._error(405, "Method Not Allowed\n", ("Allow", methods))
        self._busy = self._error(503, "Service Unavailable\n", ("Retry-After", "1"))

    def respond(self, request: Request) -> Response:
        """The answer to one request; a body that is a file is the caller's to close."""
        answer = self.recall(request) or self.find(request)
        if answer is not None:
            return answer
        if request.method not in {"GET", "HEAD"}:
            return self._other_method(request.method)
        return self._not_found

    def find(self, request: Request, prefix_names: int = 0) -> Response | None:
        """The answer if what is asked for is there, else None.

        ``prefix_names`` names at the beginning of the path are not the folder's: they lead to it.
        Whoever calls it has called `recall`, which is what it costs most of the time.
        """
        if request.method not in {"GET", "HEAD"}:
            return None
        split = split_target(request.target)
        if split is None:
            return None
        names, slash = split
        del names[:prefix_names]
        try:
            if time.monotonic() >= self._follow_at:
                self._root.follow()
                self._follow_at = time.monotonic() + FOLLOW_S
            answer = self._find(request, names, slash)
            if answer is None and self._root.follow():
                answer = self._find(request, names, slash)
            if answer is None and self._spa and b"." not in (names or [b""])[-1]:
                answer = self._index_file(request, [])
        except OSError as error:
            if error.errno not in _OUT_OF_RESOURCES:
                raise
            return self._busy
        return answer

    def close(self) -> None:
        """Let go of the root folder; idempotent."""
        self._root.close()

    def _find(self, request: Request, names: list[bytes], slash: bool) -> Response | None:
        if slash:
            return self._index_file(request, names) or self._index_page(request, names)
        opened = self._root.open(names)
        if opened is not None:
            return self._send(request, names, *opened)
        status = self._root.look(names)
        if status is None or not stat.S_ISDIR(status.st_mode) or not self._shows(names):
            return None
        return self._redirect(request, names[-1])

    def _shows(self, names: list[bytes]) -> bool:
        """Whether a folder has a page: its own, or that of its entries."""
        return self._folders is not None or any(
            self._root.look([*names, index]) is not None for index in self._indexes
        )

    def _index_file(self, request: Request, names: list[bytes]) -> Response | None:
        for index in self._indexes:
            path = [*names, index]
            opened = self._root.open(path)
            if opened is not None:
                return self._send(request, path, *opened)
        return None

    def _send(
        self, request: Request, names: list[bytes], file: File, status: os.stat_result
    ) -> Response:
        now_s = int(time.time())
        kind = media_type(names[-1])
        coding = ""
        extra: Fields = []
        paths = [names]
        if self._precompressed and compressible(kind):
            extra.append(("Vary", "Accept-Encoding"))
            try:
                sibling = self._sibling(request, names, status)
            except OSError:
                file.close()
                raise
            if sibling is not None:
                file.close()
                coding, path, file, status = sibling
                paths.insert(0, path)
        stamps = self._answers.stamps(request, paths, status, now_s)
        response = self._dressed(
            serve_content(request, file, status, kind=kind, coding=coding, extra=extra, now_s=now_s)
        )
        # What has no validator changes without a trace.
        if stamps is not None and "ETag" in response.headers:
            self._answers.remember(request, stamps, response)
        return response

    def _sibling(
        self, request: Request, names: list[bytes], original: os.stat_result
    ) -> tuple[str, list[bytes], File, os.stat_result] | None:
        accepted = joined(request.headers, "Accept-Encoding")
        for coding in rank_codings(accepted or "", tuple(_SIBLINGS)):
            path = [*names[:-1], names[-1] + _SIBLINGS[coding]]
            opened = self._root.open(path)
            if opened is None:
                continue
            file, status = opened
            # One that is older than its original was made from other bytes. Whole seconds:
            # some compressors copy the original's time without its fraction.
            if int(status.st_mtime) >= int(original.st_mtime):
                return coding, path, file, status
            file.close()
        return None

    def _index_page(self, request: Request, names: list[bytes]) -> Response | None:
        if self._folders is None:
            return None
        order, number = _page_wanted(request.query)
        page = self._folders.read(names, order, number)
        if page is None:
            return None
        path = raw_path(request.target)
        fields: Fields = [*_OWN_PAGE, ("Vary", "Accept"), ("Cache-Control", "no-cache")]
        if prefers(joined(request.headers, "Accept") or "", "application/json", "text/html"):
            fields.append(("Content-Type", "application/json"))
            return self._dressed(serve_page(request, render_json(page, path), fields))
        fields += [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", POLICY),
        ]
        return self._dressed(serve_page(request, render_html(page, path), fields))

    def _redirect(self, request: Request, name: bytes) -> Response:
        # A single name, with all but unreserved characters encoded, resolved against the
        # folder that was asked in: it can hold no authority, whatever the path looks like.
        location = quote(name) + "/"
        if request.query:
            location += "?" + request.query
        return self._error(301, "Moved Permanently\n", ("Location", location))

    def _other_method(self, method: str) -> Response:
        if method != "OPTIONS" or not self._cors:
            return self._not_allowed
        fields = [
            ("Access-Control-Allow-Methods", "GET, HEAD"),
            ("Access-Control-Allow-Headers", "*"),
            ("Access-Control-Max-Age", "86400"),
        ]
        return self._dressed(Response(204, fields))

    def _error(self, status: int, text: str, *fields: tuple[str, str]) -> Response:
        return self._dressed(Response(status, [*_ERROR_PAGE, *fields], text))

    def _dressed(self, response: Response) -> Response:
        """The same response with the user's own headers."""
        if not self._extra:
            return response
        kept = [pair for pair in response.headers.items() if lower(pair[0]) not in self._replaced]
        return Response(response.status, [*kept, *self._extra], response.body)


def _checked(headers: Iterable[tuple[str, str]]) -> Fields:
    fields = list(headers)
    try:
        refuse_the_machines(Headers(fields))
    except LocalProtocolError as error:
        raise HeaderError(f"a header cannot be sent: {error}") from None
    for name, _ in fields:
        if lower(name) in _RESERVED:
            raise HeaderError(f"the header {name} is set by the server itself")
    return fields


def _page_wanted(query: str) -> tuple[Order, int]:
    wanted = dict(part.partition("=")[::2] for part in query.split("&", 8)[:8])
    number = parse_digits(wanted.get("page", ""), 6)
    return Order.named(wanted.get("sort", ""), wanted.get("order", "")), number or 1
