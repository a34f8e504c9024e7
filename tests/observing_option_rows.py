"""The rows of `serve`'s options for those who look at it, for `test_options_observing.py`."""

from __future__ import annotations

from observed import ask, where
from option_table import Shown
from processes import serving


def scraped(words, places):
    """What its metrics answer; None: it has none."""
    with serving(str(places["root"]), *words) as server:
        if words:
            return ask(where(server))[0]
        server.stop()
        assert "metrics" not in server.err
    return None


OBSERVING_TABLE = [
    Shown("--metrics", ["--metrics", "127.0.0.1:0"], scraped, None, 200),
]
