"""All URLs of one command: how many at a time, what ends them, and the exit code.

Knows the loop, the client, the saver and the jobs under way. Nothing here grows with the number
of URLs: they are read as they are needed, and a job is forgotten when it is over.
"""

from __future__ import annotations

import argparse
import signal
import sys

from reactor.cli.get.credentials import Credentials
from reactor.cli.get.job import EXIT_NOBODY_READS, Job, how_to_go_on
from reactor.cli.get.options import body_of, fields_of, method_of
from reactor.cli.get.progress import Progress, wanted
from reactor.cli.get.secrets import visible
from reactor.cli.get.show import Show
from reactor.cli.get.sources import Urls
from reactor.client import Client
from reactor.client.partial import Folder
from reactor.client.saving import Saver
from reactor.errors import FetchError
from reactor.net import Reactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
        self.teller = show
        self.client = client
        self.body = body_of(options)
        self._fields = fields_of(options)
        self._credentials: Credentials | None = None
        if options.user is not None or options.netrc:
            self._credentials = Credentials(options)
        self._saver: Saver | None = None
        self._jobs: dict[Job, None] = {}
        # stdout takes one body after another.
        one = options.output == "-"
        self._jobs_max = 1 if one else options.parallel or _JOBS_MAX
        self._urls = Urls(options.urls, options.input_file, reactor, self._fill_soon)
        self._exit_code = 0
        self._crash: Exception | None = None
        self._ending = False
        self._fill_planned = False
        self._commit_timer: Any = None

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

    # --- what a job asks for --------------------------------------------------------------

    @property
    def saver(self) -> Saver:
        if self._saver is None:
            self._saver = Saver(Folder("."))
        return self._saver

    def stdout(self) -> int:
        if sys.stdout is None:
            raise OSError(9, "stdout is closed")
        return sys.stdout.fileno()

    def fields_for(self, url: str) -> list[tuple[str, str]]:
        """The fields of a request that the options ask for."""
        if self._credentials is None:
            return self._fields
        return self._fields + self._credentials.fields_for(url)

    def is_over(self, job: Job) -> bool:
        return job not in self._jobs

    def crash(self, error: Exception) -> None:
        """What nobody expected ends the command, not just the turn of the loop."""
        self._crash = self._crash or error
        self._ending = True
        self.reactor.stop()

    def ended(self, job: Job) -> None:
        """A job is over, well or not."""
        del self._jobs[job]
        try:
            self.teller.done(job)
        except BrokenPipeError:
            self._end(EXIT_NOBODY_READS)
            return
        except FetchError as error:
            self.crash(error)
            return
        if job.error is not None:
            self._exit_code = self._exit_code or job.error.exit_code
            if self.options.fail_early or job.error.exit_code == EXIT_NOBODY_READS:
                self._end(self._exit_code)
        self._fill_soon()

    def finishing(self) -> None:
        """A transfer is over, and its file waits for its name: there is room for another."""
        self._fill_soon()

    # --- how it goes on -------------------------------------------------------------------

    def _fill_soon(self) -> None:
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
                job = Job(self, url)
                self._jobs[job] = None
                job.start()  # one that fails at once makes room, for which this is called again
            self._commit_if_due()
        except Exception as error:  # a list that cannot be read, or our own bug
            self.crash(error)
        if not self._jobs and (self._ending or self._urls.exhausted):
            self.reactor.stop()

    def _waiting(self) -> int:
        """Jobs whose files wait for their names."""
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
        for job in list(self._jobs):
            del self._jobs[job]
            try:
                kept = job.stop()
            except OSError as error:
                self.teller.note(f"{job.label}.part could not be kept: {error.strerror}")
                continue
            if kept:
                self.teller.note(f"{visible(job.url)}: {how_to_go_on(kept)}")
            elif kept is not None and job.received:
                self.teller.note(f"{visible(job.url)}: nothing is kept")

    def _through(self, through: Any) -> None:
        self.teller.through = through
