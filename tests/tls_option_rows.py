"""The rows of `serve`'s options about TLS, and about who may connect, for `test_options_tls.py`, on
real servers."""

from __future__ import annotations

import os
import re
import socket
import ssl
from pathlib import Path

from option_table import UNSEEN, Shown
from pem_files import Pems
from processes import PATIENCE_S, eventually, exchange, serving
from test_binds import served_as

CONTEXT = """
import ssl

def make():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain({cert!r}, {key!r})
    return context
"""


def make_places(root: Path) -> dict[str, object]:
    """What the rows name."""
    (root / "index.html").write_text("the page")
    pems = Pems(root)
    cert, key = pems.pair("localhost", "127.0.0.1")
    openly = root / "open.key"
    openly.write_bytes(Path(key).read_bytes())
    openly.chmod(0o644)
    (root / "making.py").write_text(CONTEXT.format(cert=cert, key=key))
    (root / "password").write_text("secret\n")
    return {
        "root": root,
        "name": f"reactor-option-{os.getpid()}",
        "pems": pems,
        "cert": cert,
        "key": key,
        "open": str(openly),
        "locked": pems.encrypted(key, "secret"),
        "password": str(root / "password"),
        "ca": pems.ca,
    }


def started(words, places, **options):
    env = {"PYTHONPATH": str(places["root"]), "XDG_STATE_HOME": str(places["root"] / "state")}
    return serving(places["root"], *words, cwd=places["root"], env=env, **options)


def starts(words, places):
    """Whether it serves; if not, it says why and ends with 3."""
    with started(words, places, announced=False) as server:
        eventually(lambda: server.out or server.process.poll() is not None, "it serves, or ends")
        if not server.out:
            assert server.wait() == 3
            assert server.err
        return bool(server.out)


def scheme(words, places):
    with started(words, places) as server:
        return server.url.partition(":")[0]


def shaken(places, server, context=None, name="localhost"):
    """The connection of a client that trusts, closed; None if there was no handshake."""
    context = context or places["pems"].trusting()
    context.check_hostname = False
    try:
        with (
            socket.create_connection(server.address, timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname=name) as sock,
        ):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            # With TLS 1.3 a client is done before the server has seen its certificate.
            return sock if sock.recv(4096) else None
    except (ssl.SSLError, ConnectionError):
        return None


def shakes(**options):
    def look(words, places):
        context = places["pems"].trusting()
        for name, value in options.items():
            if name != "name":
                setattr(context, name, value)
        with started(words, places) as server:
            name = options.get("name", "localhost")
            return shaken(places, server, context, name) is not None

    return look


def cipher(words, places):
    context = places["pems"].trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with started(words, places) as server:
        return shaken(places, server, context) and cipher_of(places, server, context)


def cipher_of(places, server, context):
    with (
        socket.create_connection(server.address, timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        return sock.cipher()[0]


def serial(places, server):
    with (
        socket.create_connection(server.address, timeout=PATIENCE_S) as plain,
        places["pems"].trusting().wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        return sock.getpeercert()["serialNumber"]


def looks_again_at_its_files(words, places):
    """Without a signal: the files change, and the next client gets the new certificate."""
    cert, key = places["pems"].pair("localhost", "127.0.0.1")
    with started(words, places) as server:
        before = serial(places, server)
        places["pems"].pair("localhost", "127.0.0.1")
        eventually(lambda: serial(places, server) != before, "the new certificate is served")
        return True


def redirected(words, places):
    with started(words, places) as server:
        other = re.search(r"; http://127\.0\.0\.1:(\d+)/ redirects there", server.out)
        return bool(other) and b" 308 " in exchange(("127.0.0.1", int(other[1])), REQUEST)


OTHER = 65534


def serves_another(words, places):
    """Whether another user gets an answer; only root can try that."""
    if os.geteuid() != 0:
        return "--uds-allow-uid" in words
    with started(words, places):
        return served_as(OTHER, "\0" + places["name"])


REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PAIR = ("--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}")
CA = ("--ssl-ca-certs", "{ca}")
REQUIRED = ("--ssl-cert-reqs", "required")
LOCKED = ("--ssl-certfile", "{cert}", "--ssl-keyfile", "{locked}")
OLD = {"maximum_version": ssl.TLSVersion.TLSv1_2}

TLS_TABLE = [
    Shown("--ssl-certfile", [*PAIR], scheme, "http", "https"),
    Shown("--ssl-keyfile", ["--ssl-keyfile", "{key}"], starts, False, True, PAIR[:2]),
    Shown("--ssl-keyfile-password-file", ["--ssl-keyfile-password-file", "{password}"],
          starts, False, True, LOCKED),
    Shown("--ssl-keyfile-password", ["--ssl-keyfile-password", "secret"],
          starts, False, True, LOCKED),
    Shown("--insecure-key-mode", ["--insecure-key-mode"], starts, False, True,
          ("--ssl-certfile", "{cert}", "--ssl-keyfile", "{open}")),
    Shown("--ssl-context", ["--ssl-context", "making:make"], scheme, "http", "https"),
    Shown("--ssl-sni-strict", ["--ssl-sni-strict"], shakes(name="elsewhere.example"),
          True, False, PAIR),
    Shown("--ssl-ca-certs", [*CA, *REQUIRED], shakes(), True, False, PAIR),
    Shown("--ssl-cert-reqs", [*REQUIRED, *CA], shakes(), True, False, PAIR),
    Shown("--ssl-min", ["--ssl-min", "1.3"], shakes(**OLD), True, False, PAIR),
    Shown("--ssl-ciphers", ["--ssl-ciphers", "ECDHE+CHACHA20"], cipher,
          "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", PAIR),
    Shown("--ssl-reload", ["--ssl-reload", "0.1"], looks_again_at_its_files, UNSEEN, True, PAIR),
    Shown("--tls-self-signed", ["--tls-self-signed"], scheme, "http", "https"),
    Shown("--uds-allow-uid", ["--uds-allow-uid", str(OTHER)], serves_another, False, True,
          ("--bind", "unix:@{name}")),
    Shown("--tls-redirect", ["--tls-redirect", "127.0.0.1:0"], redirected, False, True, PAIR),
]  # fmt: skip
