"""What a client shows of itself, and what it asks of a server's key; and Unix sockets."""

from __future__ import annotations

import base64
import hashlib
import ssl
import subprocess

import pytest
import transfers
from processes import needs, run_reactor, serving
from transfers import hello, server_context

from reactor.client.pinning import parse_pins
from reactor.errors import ConfigurationError
from reactor.net.x509 import public_key_of

bench = transfers.bench
authority = transfers.authority
cafile = transfers.cafile


@pytest.fixture
def asking(authority):
    """A context of a server that asks for a certificate."""
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return context


@pytest.fixture
def mine(authority, tmp_path):
    """A client's certificate: both in one file, and each in its own."""
    issued = authority.issue_cert("client.example")
    paths = {name: str(tmp_path / name) for name in ("both", "cert", "key")}
    issued.private_key_and_cert_chain_pem.write_to_path(paths["both"])
    issued.cert_chain_pems[0].write_to_path(paths["cert"])
    issued.private_key_pem.write_to_path(paths["key"])
    return paths


def test_a_server_that_asks_for_a_certificate_gets_it(bench, asking, cafile, mine):
    site = bench.site(hello, asking)
    for certificate in ((mine["both"], None), (mine["cert"], mine["key"])):
        client = bench.client(cafile=cafile, certificate=certificate)
        assert bench.get(site.url, client=client).body == b"hello"
    assert bench.get(site.url, client=bench.client(cafile=cafile)).error is not None


def test_no_later_version_than_was_said(bench, authority, cafile):
    context = server_context(authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    site = bench.site(hello, context)
    assert bench.get(site.url, client=bench.client(cafile=cafile, tls_max="1.3")).body == b"hello"
    error = bench.get(site.url, client=bench.client(cafile=cafile, tls_max="1.2")).error
    assert error.exit_code == 35


def pin_of(der):
    return hashlib.sha256(public_key_of(der)).digest()


@pytest.fixture
def pinned(authority):
    """A context of a server, and the pin of its key."""
    issued = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    return context, pin_of(der), der


def test_a_server_with_another_key_is_asked_nothing(bench, pinned, cafile):
    context, pin, _ = pinned
    asked = []
    site = bench.site(lambda request: asked.append(request) or hello(request), context)
    other = hashlib.sha256(b"another key").digest()
    for options in ({"cafile": cafile}, {"insecure": True}):
        error = bench.get(site.url, client=bench.client(pins=[other], **options)).error
        assert error.exit_code == 90
        assert "none of those that are pinned" in str(error)
        assert asked == []
        # One of several is enough.
        assert bench.get(site.url, client=bench.client(pins=[other, pin], **options)).error is None
        asked.clear()


def test_a_pin_does_not_replace_the_certificate(bench, pinned):
    context, pin, _ = pinned
    site = bench.site(hello, context)
    assert bench.get(site.url, client=bench.client(pins=[pin])).error.exit_code == 60


def test_a_pin_is_what_openssl_says(pinned, tmp_path):
    openssl = needs("openssl")
    _, pin, der = pinned
    (tmp_path / "der").write_bytes(der)
    pem = subprocess.run(
        [openssl, "x509", "-inform", "der", "-in", "der", "-pubkey", "-noout"],
        cwd=tmp_path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "pub.pem").write_bytes(pem)
    key = subprocess.run(
        [openssl, "pkey", "-pubin", "-in", "pub.pem", "-outform", "der"],
        cwd=tmp_path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "pub.der").write_bytes(key)
    assert hashlib.sha256(key).digest() == pin
    encoded = base64.b64encode(pin).decode()
    assert parse_pins(f"sha256//{encoded}") == (pin,)
    assert parse_pins(f"sha256//{encoded};sha256//{encoded}") == (pin, pin)
    assert parse_pins(str(tmp_path / "pub.pem")) == (pin,)
    assert parse_pins(str(tmp_path / "pub.der")) == (pin,)


@pytest.mark.parametrize(
    "text",
    ["sha256//", "sha256//AAAA", "sha256//****", f"sha256//{43 * 'A'}=;x", "/no/such/file", "."],
)
def test_what_is_no_pin(text):
    with pytest.raises(ConfigurationError):
        parse_pins(text)


@pytest.mark.parametrize("cut", [0, 1, 4, 40])
def test_a_certificate_that_is_cut_has_no_key(pinned, cut):
    with pytest.raises(ValueError):
        public_key_of(pinned[2][:cut])


class TestCommand:
    def refused(self, *words):
        done = run_reactor("get", "https://127.0.0.1:1/", *words)
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.returncode != 0
        return done.stderr

    def test_files_that_cannot_be_used_are_named(self, mine, authority, tmp_path):
        other = str(tmp_path / "other")
        authority.issue_cert("other.example").private_key_pem.write_to_path(other)
        assert "cannot read /no/such" in self.refused("--cert", "/no/such")
        assert f"{other} is not the key" in self.refused("--cert", mine["cert"], "--key", other)
        assert mine["key"] in self.refused("--cert", mine["key"])
        assert "give that with --cert" in self.refused("--key", mine["key"])
        assert "no sha256//BASE64" in self.refused("--pinnedpubkey", "sha256//x")

    def test_an_encrypted_key_makes_nobody_wait(self, mine, tmp_path):
        openssl = needs("openssl")
        encrypted = str(tmp_path / "encrypted")
        subprocess.run(
            [openssl, "pkey", "-in", mine["key"], "-aes128", "-passout", "pass:x",
             "-out", encrypted],
            check=True, capture_output=True,
        )  # fmt: skip
        said = self.refused("--cert", mine["cert"], "--key", encrypted)
        assert "a key without a password" in said

    def test_a_unix_socket(self, tmp_path):
        (tmp_path / "www").mkdir()
        (tmp_path / "www" / "page.txt").write_text("by a path")
        path = tmp_path / "s"
        with serving(tmp_path / "www", "--uds", path):
            words = ["--unix-socket", path, "http://localhost/page.txt", "-o", "-", "-q"]
            # A proxy of the environment has no say.
            env = {"http_proxy": "http://127.0.0.1:1"}
            assert run_reactor("get", *words, env=env).stdout == "by a path"
        words = ["--unix-socket", path, "--retry", "0", "http://localhost/"]
        done = run_reactor("get", *words, cwd=tmp_path)
        assert done.returncode == 7
        assert str(path) in done.stderr
