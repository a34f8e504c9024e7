"""`Choices`: what a caller wants of a download besides its URL, once for all that are alike.

Knows where bytes are to go, how long that may take, and which of them are the right ones. Must
never know what has come of any download: that is `Download`'s.
"""

from __future__ import annotations

from reactor._value import Value
from reactor.client.hashing import new_sha256
from reactor.client.saving import Sink, open_given

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any

    from reactor.client.client import Client
    from reactor.client.url import Url

    Callback = Callable[[Any], object]  # with the download
    Target = str | os.PathLike[str] | Sink | Callable[[Url], Sink]


class Choices(Value):
    """The arguments of `Download`, checked; ``path`` is ``sink``'s, if it is one."""

    client: Client
    sink: Target
    path: str | None
    method: str
    resume: bool
    sha256: str | None
    retries: int
    max_time_s: float | None
    header_name: bool
    on_head: Callback | None
    on_progress: Callback | None
    on_whole: Callback | None
    on_done: Callback | None

    def open_sink(self, url: Url) -> Sink:
        """Where the body of ``url`` goes. Raises OSError or FetchError: it cannot be written."""
        if self.path is not None:
            return open_given(self.path, self.client.note)
        target: Any = self.sink
        sink: Sink = target if isinstance(target, Sink) else target(url)
        return sink

    def time_left(self, began: float) -> float | None:
        """Seconds for all further tries of a download that began then; None: no bound."""
        if self.max_time_s is None:
            return None
        return began + self.max_time_s - self.client.reactor.time()

    def new_hash(self) -> Any:
        """What the bytes of a body are to be put through; None if no hash was asked for."""
        return None if self.sha256 is None else new_sha256()

    def takes_hash(self, sha256: str) -> bool:
        """Whether a body with this hash is the one that is wanted."""
        return self.sha256 in {"-", sha256}
