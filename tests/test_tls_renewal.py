"""Certificates that are renewed while a server runs, and that are picked by the name asked for."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from pem_files import Pems
from processes import PATIENCE_S, eventually, exchange_tls, needs, serving

from reactor.errors import ConfigurationError
from reactor.server.tls import Contexts, TlsOptions, prove

GET = b"GET /index.html HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture
def pems(tmp_path):
    (tmp_path / "index.html").write_text("the page")
    return Pems(tmp_path)


def connect(pems, address, name="localhost"):
    plain = socket.create_connection(address, timeout=PATIENCE_S)
    context = pems.trusting()
    context.check_hostname = False
    return context.wrap_socket(plain, server_hostname=name)


def certificate(pems, address, name="localhost"):
    with connect(pems, address, name) as sock:
        return sock.getpeercert()


def names(pems, address, name):
    return [value for _, value in certificate(pems, address, name)["subjectAltName"]]


def asked(sock):
    sock.sendall(GET)
    received = b""
    while not received.endswith(b"the page"):
        received += sock.recv(4096)
    return received


def test_a_wrong_key_keeps_the_old_certificate_and_a_right_pair_takes_its_place(pems):
    cert, key = pems.pair("localhost")
    wrong = pems.pair("other.example")[1]
    words = (
        pems.folder,
        "--ssl-certfile",
        cert,
        "--ssl-keyfile",
        key,
        "--timeout-keep-alive",
        "60",
    )
    with serving(*words) as server, connect(pems, server.address) as kept:
        before = certificate(pems, server.address)["serialNumber"]
        asked(kept)
        shutil.copy(wrong, key)
        server.signal(signal.SIGHUP)
        eventually(lambda: "the certificates in use stay" in server.err, "it says so")
        assert f"{key} is not the key of {cert}" in server.err
        assert certificate(pems, server.address)["serialNumber"] == before
        server.signal(signal.SIGHUP)
        asked(kept)
        assert certificate(pems, server.address)["serialNumber"] == before
        assert server.err.count("the certificates in use stay") == 1
        pems.pair("localhost")
        server.signal(signal.SIGHUP)
        eventually(lambda: "certificates are loaded anew" in server.err, "it says so")
        assert certificate(pems, server.address)["serialNumber"] != before
        assert "SIGHUP: the application is not loaded anew" in server.err
        # Those who are connected keep what they have.
        asked(kept)


def test_each_host_gets_its_own_certificate(pems):
    first, second, any_ = (
        pems.pair(*hosts) for hosts in (["a.example"], ["b.example"], ["*.c.example", "c.example"])
    )
    pairs = [word for cert, key in (first, second, any_) for word in
             ("--ssl-certfile", cert, "--ssl-keyfile", key)]  # fmt: skip
    with serving(pems.folder, *pairs) as server:
        assert names(pems, server.address, "a.example") == ["a.example"]
        assert names(pems, server.address, "B.Example") == ["b.example"]
        assert names(pems, server.address, "x.c.example") == ["*.c.example", "c.example"]
        # A wildcard is one label; who is for nobody, or asks for nobody, gets the first.
        for name in ("x.y.c.example", "d.example", "xb.example", None):
            assert names(pems, server.address, name) == ["a.example"]
        server.signal(signal.SIGHUP)
        eventually(lambda: "loaded anew" in server.err, "it says so")
        assert names(pems, server.address, "b.example") == ["b.example"]


def test_the_certificate_of_a_factory_is_proven(pems):
    def empty():
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    with pytest.raises(ConfigurationError, match="--ssl-context cannot be served with"):
        Contexts(TlsOptions(make_context=empty))
    with pytest.raises(ConfigurationError, match="returned str, no SSLContext"):
        Contexts(TlsOptions(make_context=lambda: "context"))
    with pytest.raises(ConfigurationError, match="leave one out"):
        Contexts(TlsOptions(make_context=empty, certificates=(pems.pair(),)))


def test_one_that_asks_its_clients_is_proven_too(pems):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pems.pair())
    context.load_verify_locations(pems.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    prove(context)


def test_files_that_have_not_changed_are_not_read(pems):
    contexts = Contexts(TlsOptions(certificates=(pems.pair(),)))
    serving_before = contexts.serving
    assert not contexts.reload_if_changed()
    assert contexts.serving is serving_before
    pems.pair()
    assert contexts.reload_if_changed()
    assert contexts.serving is not serving_before
    assert not contexts.reload_if_changed()


# --- clients of others ----------------------------------------------------------------------


@pytest.fixture
def served(pems):
    cert, key = pems.pair("localhost", "127.0.0.1")
    with serving(pems.folder, "--ssl-certfile", cert, "--ssl-keyfile", key) as server:
        yield server


def test_curl(pems, served):
    curl = needs("curl")
    for version in ("1.2", "1.3"):
        done = subprocess.run(
            [curl, "-sS", "--cacert", pems.ca, f"--tlsv{version}", "--tls-max", version,
             f"https://127.0.0.1:{served.port}/"],
            capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, b"the page"), done.stderr
    plain = subprocess.run(
        [curl, "-sS", f"http://127.0.0.1:{served.port}/"], capture_output=True, timeout=PATIENCE_S
    )
    assert b"use https://" in plain.stdout


def test_openssl_finds_only_what_is_safe(pems, served):
    openssl = needs("openssl")

    def connects(*words):
        done = subprocess.run(
            [openssl, "s_client", "-connect", f"127.0.0.1:{served.port}", *words],
            input=LAST, capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip
        return b"Cipher is (NONE)" not in done.stdout and b"CONNECTED" in done.stdout

    assert connects("-tls1_3")
    assert connects("-tls1_2")
    weak = ["-cipher", "ALL:@SECLEVEL=0"]
    assert not connects("-tls1_1", *weak)
    assert not connects("-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0")
    assert not connects("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")


def test_a_session_is_resumed(pems, served):
    context = pems.trusting()
    plain = socket.create_connection(served.address, timeout=PATIENCE_S)
    with context.wrap_socket(plain, server_hostname="localhost") as sock:
        asked(sock)  # the tickets come with it
        session = sock.session
    plain = socket.create_connection(served.address, timeout=PATIENCE_S)
    with context.wrap_socket(plain, server_hostname="localhost", session=session) as sock:
        assert sock.session_reused
        asked(sock)


def test_an_answer_has_a_signed_end(pems, served):
    answer = exchange_tls(served.address, LAST, pems.trusting())
    assert answer.endswith(b"\r\n\r\nthe page")


def test_get_fetches_what_serve_serves(pems, served, tmp_path):
    from processes import run_reactor

    url = f"https://127.0.0.1:{served.port}/index.html"
    done = run_reactor("get", "--cacert", pems.ca, "-o", "saved", url, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Path(tmp_path / "saved").read_text() == "the page"
