"""A benchmark as a command: whatever ends it, its servers end too, and its exit code says why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from reactor.bench.servers import NotServed, end_servers_on_signals
from reactor.errors import LoadError


def end_with(main: Callable[[], int]) -> NoReturn:
    """Run it; 130 on Ctrl-C, SIGTERM and SIGHUP, one sentence for a server that failed."""
    end_servers_on_signals()
    try:
        sys.exit(main())
    except (NotServed, LoadError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
