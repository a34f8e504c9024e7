"""All rows of `serve`'s options that are not in `test_options_serve.py`."""

from __future__ import annotations

from log_option_rows import LOG_TABLE
from observing_option_rows import OBSERVING_TABLE
from reload_option_rows import RELOAD_TABLE
from tls_option_rows import TLS_TABLE
from worker_option_rows import WORKER_TABLE

OTHERS = [*TLS_TABLE, *LOG_TABLE, *WORKER_TABLE, *RELOAD_TABLE, *OBSERVING_TABLE]
