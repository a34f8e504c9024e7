"""The groups that a client offers to agree on keys in: those of finite fields are not served, by
which a handshake is forty times the work (CVE-2002-20001)."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from test_alpn import Client, Echo, SpeaksHttp, issued, offering  # noqa: F401

FAILURE = bytes([21, 3, 3, 0, 2, 2, 40])  # fatal, handshake_failure
X25519, FFDHE8192, GREASE = b"\x00\x1d", b"\x01\x04", b"\x0a\x0a"


@pytest.fixture
def wire(issued):  # noqa: F811
    return SpeaksHttp(*issued)


class Hello:
    """A ClientHello whose groups can be others: the list of them, and the one of its key."""

    def __init__(self, pems):
        self.data = bytearray(Client(None, offering(pems)).hello)
        share = self.data.find(b"\x00\x33\x00\x26\x00\x24" + X25519)
        if share < 0:
            pytest.skip("this OpenSSL begins with another key than X25519's")
        self._share = share + 6
        self._groups = self.data.index(b"\x00\x0a\x00") + 6
        self._count = self.data[self._groups - 1] // 2

    def with_groups(self, *groups):
        listed = (groups * self._count)[: self._count]
        self.data[self._groups : self._groups + 2 * self._count] = b"".join(listed)
        return self

    def with_share(self, group):
        self.data[self._share : self._share + 2] = group
        return self


def answer(wire, hello):
    with wire.plain() as sock:
        sock.sendall(hello.data)
        return sock.recv(4096)


def test_finite_fields_are_refused(wire):
    with wire.serving(Echo):
        assert answer(wire, Hello(wire.pems))[0] == 22
        # It begins with one, though it knows curves; it knows nothing else; it hides that.
        assert answer(wire, Hello(wire.pems).with_share(FFDHE8192)) == FAILURE
        assert answer(wire, Hello(wire.pems).with_groups(FFDHE8192)) == FAILURE
        hidden = Hello(wire.pems).with_groups(GREASE, FFDHE8192).with_share(GREASE)
        assert answer(wire, hidden) == FAILURE


def test_who_has_still_to_choose_is_asked_for_a_curve(wire):
    """A HelloRetryRequest names the group that is first in OpenSSL's list, not in the client's."""
    hello = Hello(wire.pems).with_groups(FFDHE8192, GREASE, X25519).with_share(GREASE)
    with wire.serving(Echo):
        retry = answer(wire, hello)
    at = retry.index(b"\x00\x33\x00\x02") + 4
    assert retry[at : at + 2] == X25519


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("groups", "agreed"),
    [
        ("X25519", True),
        ("P-256", True),
        ("P-521:ffdhe8192", True),
        ("ffdhe2048", False),
        ("ffdhe8192:X25519", False),
    ],
)
def test_by_the_program_of_openssl(wire, groups, agreed):
    with wire.serving(Echo):
        where = f"{wire.address[0]}:{wire.address[1]}"
        done = subprocess.run(
            ["openssl", "s_client", "-groups", groups, "-connect", where],
            input=b"", capture_output=True, timeout=20,
        )  # fmt: skip
    assert (b"Server Temp Key" in done.stdout) == agreed
    assert (b"alert handshake failure" in done.stderr) != agreed
