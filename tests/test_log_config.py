"""``--log-config``: what the file says nothing of is shown as without it."""

from __future__ import annotations

import json
from functools import partial

import pytest
from processes import eventually, exchange, serving

APP = """
{more}
def fails(request):
    raise ValueError("an application that fails")
"""
GET = b"GET /note HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
OWN_HANDLER = """
import logging
logger = logging.getLogger("reactor.access")
logger.addHandler(logging.FileHandler("own.log"))
logger.setLevel("INFO")
"""


def of(*names, root=False):
    logger = {"level": "INFO", "handlers": ["file"]}
    return {
        "version": 1,
        "handlers": {"file": {"class": "logging.FileHandler", "filename": "own.log"}},
        "loggers": dict.fromkeys(names, logger),
        **({"root": logger} if root else {}),
    }


@pytest.mark.parametrize(
    ("settings", "access_there", "failures_there"),
    [
        (of("reactor.access"), True, False),
        (of("shop"), False, False),
        (of("reactor"), True, True),
        (of(root=True), True, True),
        (None, True, False),  # the application has done it
    ],
    ids=["access alone", "another's", "reactor", "root", "by the application"],
)
def test_it_is_said_once_and_never_nowhere(settings, access_there, failures_there, tmp_path):
    (tmp_path / "shop.py").write_text(APP.format(more="" if settings else OWN_HANDLER))
    (tmp_path / "log.json").write_text(json.dumps(settings))
    words = ["--log-config", "log.json"] if settings else []
    with serving("shop:fails", *words, cwd=tmp_path, traceback_expected=True) as server:
        exchange(server.address, GET)

        def said(what):
            own = tmp_path / "own.log"
            shown = server.out + server.err
            return (own.read_text() if own.exists() else "").count(what), shown.count(what)

        for what, in_file in ("GET /note HTTP", access_there), ("ValueError: an ", failures_there):
            counts = (1, 0) if in_file else (0, 1)
            eventually(partial(once, said, what, counts), f"{what} is said: {said(what)}")


def once(said, what, counts):
    return said(what) == counts
