"""Clients that are let go before anything is served are counted by the reason."""

from __future__ import annotations

import os
import socket

import pytest
from observed import counted, observed, scrape
from processes import eventually, read_to_end
from test_metrics import folder  # noqa: F401 - a fixture
from test_proxied import REQUEST, V1, V2

from reactor import Limits
from reactor.net.proxied import Refusals, receive_header

BIND = "127.0.0.1:0,proxy=v1"
TARGETS = ["seen:native", "seen:asgi", "seen:Echo"]  # the last: a TCP protocol has no requests


def of(reason):
    return f'reactor_refused_total{{reason="{reason}"}}'


def let_go(server, data):
    with server.connect() as client:
        client.sendall(data)
        try:
            assert read_to_end(client) == b""
        except ConnectionResetError:
            pass  # what it sent was not read


@pytest.fixture
def apps(folder):  # noqa: F811 - a fixture
    with (folder / "seen.py").open("a") as file:
        file.write("\nimport asyncio\nclass Echo(asyncio.Protocol):\n    pass\n")
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_a_bad_header(target, apps):
    with observed(target, "--bind", BIND, cwd=apps) as server:
        for data in (REQUEST, V2 + REQUEST, b"PROXY TCP4 1.2.3.4\r\n"):
            let_go(server, data)
        with server.connect() as client:  # it ends in its header
            client.sendall(V1[:10])
            client.shutdown(socket.SHUT_WR)
            assert read_to_end(client) == b""
        got = counted(server, of("proxy-header"), 4)
        assert [name for name in got if name.startswith("reactor_refused")] == [of("proxy-header")]


@pytest.mark.parametrize("target", TARGETS)
def test_a_proxy_that_is_not_trusted(target, apps):
    words = "--bind", BIND, "--trusted-proxy", "10.0.0.0/8"
    with observed(target, *words, cwd=apps) as server:
        for _ in range(2):
            let_go(server, V1 + REQUEST)
        counted(server, of("proxy-untrusted"), 2)


def test_who_leaves_before_a_header_has_broken_no_rule(apps):
    with observed("seen:native", "--bind", BIND, cwd=apps) as server:
        server.connect().close()  # as the health check of a load balancer does
        eventually(lambda: "it ended before its header" in server.err, "it was seen")
        assert not [name for name in scrape(server) if name.startswith("reactor_refused")]


def test_of_several_workers(apps):
    words = "--bind", BIND, "--workers", "2"
    with observed("seen:native", *words, cwd=apps) as server:
        for _ in range(4):
            let_go(server, REQUEST)
        counted(server, of("proxy-header"), 4)


def test_a_header_that_does_not_come_in_time():
    reasons = []
    refusals = Refusals(Limits())
    refusals.count = reasons.append
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError) as caught:
        receive_header(ours, "v1", Limits(proxy_timeout_s=0.01))
    refusals.say("", caught.value)
    assert reasons == ["proxy-timeout"]


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the kernel does not say who it is")
def test_a_user_who_may_not_connect(monkeypatch):
    class Bound:
        uids = (1,)

    reasons = []
    refusals = Refusals(Limits())
    refusals.count = reasons.append
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert refusals.may_connect(Bound, ours.fileno(), "")  # it is this user
        monkeypatch.setattr("reactor.net.proxied.user_of", lambda fd: os.geteuid() + 12345)
        assert not refusals.may_connect(Bound, ours.fileno(), "")
    assert reasons == ["peer-user"]
