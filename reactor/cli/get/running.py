"""All URLs of one command: how many at a time, what ends them, and the exit code.

Knows the loop, the client, the saver and the downloads under way. Nothing here grows with the
number of URLs: they are read as they are needed, and a download is forgotten when it is over.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from reactor.cli.get.credentials import Credentials
from reactor.cli.get.options import body_of, fields_of, method_of, names_a_file, upload_of
from reactor.cli.get.progress import Progress, wanted
from reactor.cli.get.show import Show, how_to_go_on
from reactor.cli.get.sources import Urls, with_scheme
from reactor.client import Client
from reactor.client.download import Download
from reactor.client.failures import EXIT_NOBODY_READS
from reactor.client.names import name_from_url
from reactor.client.partial import Folder
from reactor.client.saving import FileSink, NullSink, Saver, Sink, StreamSink
from reactor.client.url import Url, visible
from reactor.errors import FetchError
from reactor.net import Reactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

# Transfers under way at a time, whatever the hosts; the client bounds those to one host.
_JOBS_MAX = 24
# A file that is whole waits at most this long for others to be put on the disk with it.
_COMMIT_S = 0.1
EXIT_INTERRUPTED, EXIT_TERMINATED = 130, 143


class Run:
    """``run()`` fetches everything and returns the exit code."""

    def __init__(
        self, options: argparse.Namespace, reactor: Reactor, client: Client, show: Show
    ) -> None:
        self.options = options
        self.method = method_of(options)
        self.reactor = reactor
        self.show = show
        self.client = client
        self.body = body_of(options)
        self._fields = fields_of(options)
        self._credentials: Credentials | None = None
        if options.user is not None or options.netrc:
            self._credentials = Credentials(options)
        self._saver: Saver | None = None
        self._jobs: dict[Download, BinaryIO | None] = {}  # each with what it uploads
        # stdout takes one body after another.
        one = options.output == "-"
        self._jobs_max = 1 if one else options.parallel or _JOBS_MAX
        self._paced: dict[Download, tuple[float, int]] = {}  # since when, from which byte
        self._urls = Urls(options.urls, options.input_file, reactor, self._fill_soon)
        self._exit_code = 0
        self._crash: Exception | None = None
        self._ending = False
        self._fill_planned = False
        self._commit_timer: Any = None
        # Each URL's is made like this one.
        self._download = Download(
            client,
            "",
            self._target(),
            method=self.method,
            resume=options.resume,
            sha256=options.sha256,
            max_time_s=options.max_time,
            header_name=options.remote_header_name and options.output is None,
            on_head=show.head if show.shows_heads else None,
            on_progress=None if options.limit_rate is None else self._slow_down,
            on_whole=self._fill_soon,  # its file waits for its name: there is room for another
            on_done=self._on_done,
        )

    def run(self) -> int:
        progress = None
        if wanted(self.options.quiet):
            progress = Progress(self.reactor, self._jobs.keys, self._through)
        self.reactor.on_signal(signal.SIGINT, self._end, EXIT_INTERRUPTED)
        self.reactor.on_signal(signal.SIGTERM, self._end, EXIT_TERMINATED)
        try:
            self._fill_soon()
            self.reactor.run()
        finally:
            if progress is not None:
                progress.stop()
            self._stop_jobs()
            if self._saver is not None:
                self._saver.close()
            self._urls.close()
        if self._crash is not None:
            raise self._crash
        return self._exit_code

    # --- one URL --------------------------------------------------------------------------

    def _start(self, url: str) -> None:
        options, fields, upload = self.options, self._fields, None
        url = with_scheme(url)
        if options.skip_existing and (name := self._existing(url)) is not None:
            self.show.note(f"{visible(url)}: {name} is there, so it is not fetched")
            self._fill_soon()
            return
        if options.upload_file is not None:
            upload = upload_of(options)
        if self._credentials is not None:
            fields = fields + self._credentials.fields_for(url)
        download = self._download.like(url, fields, self.body if upload is None else upload)
        self._jobs[download] = upload
        download.start()

    def _target(self) -> str | Callable[[Url], Sink]:
        """Where the bodies go."""
        output = self.options.output
        if self.method == "HEAD":
            return lambda _: NullSink()
        if output == "-":
            return lambda _: _stdout()
        if output is not None and self.options.no_clobber and names_a_file(output):
            where, name = os.path.split(output)
            return lambda _: self._file_named(name, where)
        return output or self._file_for

    def _existing(self, url: str) -> str | None:
        """The file that the URL's body would get, if it is there."""
        name = self.options.output
        if name is None:
            with suppress(FetchError):  # the download says what is wrong with it
                name = name_from_url(Url.parse(url))
        return name if name is not None and os.path.lexists(name) and names_a_file(name) else None

    def _file_for(self, url: Url) -> Sink:
        return self._file_named(name_from_url(url))

    def _file_named(self, name: str, where: str = "") -> Sink:
        """One that replaces none: all bodies of a command go into one folder."""
        if self._saver is None:
            self._saver = Saver(Folder(where or "."))
        return FileSink(self._saver, name, False, self.show.note, where)

    def _on_done(self, download: Download) -> None:
        upload = self._jobs.pop(download)
        self._paced.pop(download, None)
        if upload is not None:
            upload.close()
        error = download.error
        try:
            if error is not None and not isinstance(error, FetchError):
                raise error
            self.show.done(download)
        except BrokenPipeError:
            self._end(EXIT_NOBODY_READS)
            return
        except Exception as fault:  # what nobody expected ends more than a turn of the loop
            self._fail(fault)
            return
        if error is not None:
            self._exit_code = self._exit_code or error.exit_code
            if self.options.fail_early or error.exit_code == EXIT_NOBODY_READS:
                self._end(self._exit_code)
        self._fill_soon()

    def _slow_down(self, download: Download) -> None:
        """``--limit-rate``: read no more until what came was allowed to."""
        now = self.reactor.time()
        began, first = self._paced.setdefault(download, (now, 0))
        allowed_at = began + (download.received - first) / self.options.limit_rate
        transfer = download.transfer
        if allowed_at > now and transfer is not None:
            transfer.pause()
            self.reactor.call_later(allowed_at - now, transfer.resume)

    def _fail(self, error: Exception) -> None:
        self._crash = self._crash or error
        self._ending = True
        self.reactor.stop()

    # --- how it goes on -------------------------------------------------------------------

    def _fill_soon(self, _: object = None) -> None:
        """Once for all transfers that end in one turn of the loop."""
        if not self._fill_planned:
            self._fill_planned = True
            self.reactor.call_soon(self._fill)

    def _fill(self) -> None:
        """Start jobs as long as there is room; the end, when nothing is left."""
        self._fill_planned = False
        try:
            room = self._jobs_max - len(self._jobs) + self._waiting()
            while room > 0 and not self._ending and (url := self._urls.next()) is not None:
                room -= 1
                self._start(url)
            self._commit_if_due()
        except Exception as error:  # a list that cannot be read, or our own bug
            self._fail(error)
        if not self._jobs and (self._ending or self._urls.exhausted):
            self.reactor.stop()

    def _waiting(self) -> int:
        """Downloads whose files wait for their names."""
        return 0 if self._saver is None else self._saver.waiting

    def _commit_if_due(self) -> None:
        waiting = self._waiting()
        if not waiting:
            return
        if waiting >= len(self._jobs) and self._urls.exhausted:
            self._commit()
        elif self._commit_timer is None:
            self._commit_timer = self.reactor.call_later(_COMMIT_S, self._commit)

    def _commit(self) -> None:
        if self._commit_timer is not None:
            self._commit_timer.cancel()
            self._commit_timer = None
        if self._saver is not None:
            self._saver.commit()

    def _end(self, code: int) -> None:
        """Start nothing more, give up what is under way."""
        if not self._ending:
            self._ending = True
            self._exit_code = code
            self._commit()
            self.reactor.stop()

    def _stop_jobs(self) -> None:
        jobs, self._jobs = self._jobs, {}
        for download, upload in jobs.items():
            if upload is not None:
                upload.close()
            url, label = visible(download.url), download.label
            try:
                kept = download.cancel()
            except OSError as error:
                self.show.note(f"{label}.part could not be kept: {error.strerror}")
                continue
            if kept:
                self.show.note(f"{url}: {how_to_go_on(kept)}")
            elif kept is not None and download.received:
                self.show.note(f"{url}: nothing is kept")

    def _through(self, through: Any) -> None:
        self.show.through = through


def _stdout() -> Sink:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed", "-")
    return StreamSink(sys.stdout.fileno(), "-")
