"""How many connections, and files of bodies, there are descriptors for."""

from __future__ import annotations

import resource

import pytest

from reactor import Limits
from reactor.errors import ConfigurationError
from reactor.net.descriptors import connections_max, with_body_files

INFINITE = resource.RLIM_INFINITY


@pytest.fixture
def allowed(monkeypatch):
    """Say how many descriptors the process has and may have; nothing is set."""

    def allow(soft, hard):
        held = [soft, hard]
        monkeypatch.setattr(resource, "getrlimit", lambda kind: tuple(held))
        monkeypatch.setattr(resource, "setrlimit", lambda kind, both: held.__setitem__(0, both[0]))
        return held

    return allow


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "files"),
    [
        # There are enough, or they can be had.
        (20_000, 20_000, 10_000, 1_000),
        (1_024, 524_288, 10_000, 1_000),
        (INFINITE, INFINITE, 10_000, 1_000),
        # Fewer: connections get what the reserve leaves, and at least a half.
        (5_000, 5_000, 3_936, 1_000),
        (1_024, 1_024, 512, 448),
        (100, 100, 50, 0),
        (30, 30, 15, 0),
        (16, 16, 8, 0),  # a start with fewer is refused, and says so
    ],
)
def test_connections_and_files_share_them(allowed, soft, hard, connections, files):
    held = allowed(soft, hard)
    limits = with_body_files(Limits())
    assert (connections_max(limits), limits.body_files_max) == (connections, files)
    most = held[0]
    assert (
        most == INFINITE
        or connections + files + Limits().reserved_descriptors <= most
        or (files == 0)
    )


def test_a_server_without_files_keeps_none_back_for_them(allowed):
    allowed(5_000, 5_000)
    assert connections_max(Limits()) == 4_936


def test_too_few_for_anybody(allowed):
    allowed(15, 15)
    with pytest.raises(ConfigurationError, match="may open 15 files"):
        with_body_files(Limits())
