"""`get`: every option by what it does, as a command against a server of the standard library."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import json
import os
import shutil
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import trustme
from option_table import UNSEEN, Shown, check, missing, unknown
from processes import has_ipv6, run_reactor

BODY = b"0123456789"
# Ten times what the rows' time-outs say, and less than the defaults that they replace.
SOON_S = 5.0


class Origin(http.server.BaseHTTPRequestHandler):
    """Notes what it is asked; some paths have a way of their own."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    def answer(self):
        server = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with server.lock:
            times = sum(asked.path == self.path for asked in server.asked)
            server.asked.append(
                SimpleNamespace(
                    method=self.command, path=self.path, headers=self.headers, body=body
                )
            )
        name = self.path.rpartition("/")[2]
        getattr(self, name, self.plain)(times)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def send(self, status, body=BODY, **fields):
        self.send_response(status)
        for field, value in fields.items():
            self.send_header(field.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def plain(self, times):
        self.send(200)

    def named(self, times):
        self.send(200, Content_Disposition='attachment; filename="other.txt"')

    def gone(self, times):
        self.send(404)

    def breaks(self, times):
        """Half of it at first, the other half to who asks for that."""
        if "Range" in self.headers:
            self.send(206, BODY[5:], Content_Range="bytes 5-9/10", ETag='"v"')
            return
        self.send(200, ETag='"v"') if times else self.half()

    def half(self):
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.send_header("ETag", '"v"')
        self.end_headers()
        self.wfile.write(BODY[:5])
        self.close_connection = True

    def together(self, times):
        """Waits a while for others that are asked at the same time."""
        with self.server.lock:
            self.server.at_once += 1
            self.server.most = max(self.server.most, self.server.at_once)
            if self.server.most > 1:
                self.server.met.set()
        self.server.met.wait(0.3)
        with self.server.lock:
            self.server.at_once -= 1
        self.send(200)

    def never(self, times):
        self.server.over.wait(60)
        self.close_connection = True

    def flaky(self, times):
        self.send(200) if times else self.send(503)

    def elsewhere(self, times):
        self.send(302, Location="/page")

    def large(self, times):
        self.send(200, bytes(512 * 1024))

    def counts(self, times):
        self.send(200, Set_Cookie=f"seen={times}; Path=/")

    def packed(self, times):
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send(200, gzip.compress(BODY), Content_Encoding="gzip")
        else:
            self.send(200)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context=None, host="localhost"):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host.strip("[]"), 0), Origin)
        self.lock, self.met, self.over = threading.Lock(), threading.Event(), threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"http{'s' * bool(context)}://{host}:{self.server_address[1]}"
        self.host = host
        self.forget()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def forget(self):
        self.asked, self.at_once, self.most = [], 0, 0
        self.met.clear()

    def handle_error(self, request, client_address):
        pass  # a client that has left, or that has refused the certificate

    def server_close(self):
        self.over.set()
        self.shutdown()
        self.thread.join()
        super().server_close()


@pytest.fixture(scope="module")
def origin():
    server = Server()
    yield server
    server.server_close()


@pytest.fixture(scope="module")
def six():
    """A server of IPv6 only; None where there is none."""
    server = Server(host="[::1]") if has_ipv6() else None
    yield server
    if server is not None:
        server.server_close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    server = Server(context)
    server.cafile = path
    yield server
    server.server_close()


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A server that asks for a certificate, and speaks TLS 1.3 only; files of a client for it."""
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("strict")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    mine = authority.issue_cert("client.example")
    server = Server(context)
    server.files = {name: str(folder / name) for name in ("strict_ca", "both", "cert", "key")}
    authority.cert_pem.write_to_path(server.files["strict_ca"])
    mine.private_key_and_cert_chain_pem.write_to_path(server.files["both"])
    mine.private_key_pem.write_to_path(server.files["key"])
    mine.cert_chain_pems[0].write_to_path(server.files["cert"])
    yield server
    server.server_close()


@pytest.fixture
def full():
    """An address whose backlog is full: a connection to it is never established."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def places(tmp_path, origin, six, tls, strict, full):
    """What rows name; ``run`` is how `get` is called there."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine localhost login me password secret\n")
    (home / ".netrc").chmod(0o600)
    (tmp_path / "upload").write_bytes(b"to be sent")
    (tmp_path / "jar").write_text(f"{origin.host}\tFALSE\t/\tFALSE\t0\tkept\tbefore\n")
    (tmp_path / "list").write_text(f"{origin.url}/page\n")
    work = tmp_path / "work"

    def run(words, before=None):
        """In a folder of its own; all that can be seen of it. ``before`` is another call there."""
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        origin.forget()
        unset = {f"{scheme}_proxy": "" for scheme in ("http", "https", "all", "no")}
        env = {"HOME": str(home), **unset}
        if before is not None:
            run_reactor("get", *before, cwd=work, env=env)
        began = time.monotonic()
        done = run_reactor("get", *words, cwd=work, env=env)
        took_s = time.monotonic() - began
        files = {name: (work / name).read_bytes() for name in os.listdir(work)}
        return SimpleNamespace(done=done, files=files, asked=origin.asked, took_s=took_s,
                               most=origin.most)  # fmt: skip

    return {"run": run, "url": origin.url, "tls": tls.url, "ca": tls.cafile, "full": full,
            "four": origin.url.replace("localhost", "127.0.0.1"), "six": six and six.url,
            "tmp": tmp_path, "strict": strict.url, **strict.files}  # fmt: skip


def seen(what, path="/page", base="url", before=None):
    """Get one URL more than what the words name, and look: ``what(outcome)``."""

    def look(words, places):
        earlier = None if before is None else [w.format_map(places) for w in before]
        urls = [] if path is None else [places[base] + path]
        return what(places["run"]([*words, *urls], earlier))

    return look


def code(path="/page", base="url"):
    return seen(lambda one: one.done.returncode, path, base)


def code_soon(path="/page", base="url"):
    return seen(lambda one: (one.done.returncode, one.took_s < SOON_S), path, base)


def names(path="/page"):
    return seen(lambda one: set(one.files), path)


def request_of(what, path="/page"):
    return seen(lambda one: what(one.asked[-1]), path)


def header(name, path="/page"):
    return request_of(lambda asked: asked.headers.get(name), path)


def sent(path="/page"):
    return request_of(
        lambda asked: (asked.method, asked.headers.get("Content-Type"), asked.body), path
    )


def through_the_proxy(words, places):
    """The URL's own server never answers."""
    one = places["run"]([*words, f"{places['full']}/x"])
    return one.done.returncode == 0 and [asked.path for asked in one.asked] == [
        f"{places['full']}/x"
    ]


def took(seconds):
    """Whether it took longer, without a look at what a machine under load needs besides."""
    return seen(lambda one: one.took_s > seconds, "/large")


def saved_twice(words, places):
    """What is there after the same command again."""
    again = ["-o", "x", f"{places['url']}/page"]
    return set(places["run"]([*words, *again], again).files)


def fetched_twice(words, places):
    again = [f"{places['url']}/page"]
    return len(places["run"]([*words, *again], again).asked)


def output(path="/page"):
    return seen(lambda one: one.done.stdout, path)


PLAIN = ("GET", None, b"")
FORM = "application/x-www-form-urlencoded"
BASIC = "Basic " + base64.b64encode(b"me:secret").decode()
HASH = hashlib.sha256(BODY).hexdigest()
THREE = tuple(f"{{url}}/{number}/together" for number in range(3))
BROKEN = ("--retry", "0", "{url}/breaks")
is_json = seen(lambda one: one.done.stdout.startswith("{") and bool(json.loads(one.done.stdout)))

TABLE = [
    Shown("urls", ["{url}/another"], seen(lambda one: len(one.asked)), 1, 2),
    # Saving.
    Shown("--output", ["-o", "x"], names(), {"page"}, {"x"}),
    Shown("--no-clobber", ["--no-clobber"], saved_twice, {"x"}, {"x", "x.1"}),
    Shown("--skip-existing", ["--skip-existing"], fetched_twice, 2, 1),
    Shown("--continue-at", ["-C", "-"],
          seen(lambda one: one.asked[-1].headers.get("Range"), "/breaks", before=BROKEN),
          None, "bytes=5-"),
    Shown("--remote-header-name", ["-J"], names("/named"), {"named"}, {"other.txt"}),
    Shown("--continue", ["--continue"],
          seen(lambda one: one.asked[-1].headers.get("Range"), "/breaks", before=BROKEN),
          None, "bytes=5-"),
    Shown("--sha256", ["--sha256", HASH[::-1]], names(), {"page"}, set()),
    # Many URLs.
    Shown("--input-file", ["-i", "{tmp}/list"], seen(lambda one: len(one.asked), "/another"), 1, 2),
    Shown("--parallel", ["-P", "1"], seen(lambda one: one.most > 1, "/together"), True, False,
          THREE),
    Shown("--fail-early", ["--fail-early"], names(), {"page"}, set(), ("-P", "1", "{url}/gone")),
    # The request.
    Shown("--header", ["-H", "X-A: b"], header("X-A"), None, "b"),
    Shown("--request", ["-X", "DELETE"], request_of(lambda asked: asked.method), "GET", "DELETE"),
    Shown("--user-agent", ["-A", "me"], header("User-Agent"), "reactor", "me"),
    Shown("--referer", ["-e", "http://r/"], header("Referer"), None, "http://r/"),
    Shown("--range", ["-r", "2-4"], header("Range"), None, "bytes=2-4"),
    Shown("--cookie", ["-b", "a=b", "-b", "{tmp}/jar"], header("Cookie"), None,
          "a=b; kept=before"),
    Shown("--cookie-jar", ["-c", "kept"], names("/counts"), {"counts"}, {"counts", "kept"}),
    Shown("--data-raw", ["--data-raw", "@b"], sent(), PLAIN, ("POST", FORM, b"@b")),
    Shown("--head", ["-I"], request_of(lambda asked: asked.method), "GET", "HEAD"),
    Shown("--data", ["-d", "a=b"], sent(), PLAIN, ("POST", FORM, b"a=b")),
    Shown("--json-data", ["--json-data", "[1]"], sent(), PLAIN,
          ("POST", "application/json", b"[1]")),
    Shown("--upload-file", ["-T", "{tmp}/upload"], sent(), PLAIN, ("PUT", None, b"to be sent")),
    Shown("--user", ["-u", "me:secret"], header("Authorization"), None, BASIC),
    Shown("--netrc", ["-n"], header("Authorization"), None, BASIC),
    Shown("--compressed", ["--compressed"],
          seen(lambda one: (one.asked[-1].headers.get("Accept-Encoding"), one.files), "/packed"),
          ("identity", {"packed": BODY}), ("gzip, deflate", {"packed": BODY})),
    # The transfer.
    Shown("--max-time", ["--max-time", "0.4"], code_soon("/never"), UNSEEN, (28, True)),
    Shown("--connect-timeout", ["--connect-timeout", "0.4"], code_soon("/", "full"), UNSEEN,
          (28, True), ("--retry", "0")),
    Shown("--retry", ["--retry", "0"], code("/flaky"), 0, 22),
    Shown("--max-redirs", ["--max-redirs", "0"], code("/elsewhere"), 0, 47),
    Shown("--ipv4", ["-4"], code(base="six"), 0, 6),
    Shown("--ipv6", ["-6"], code(base="four"), 0, 6),
    Shown("--limit-rate", ["--limit-rate", "1m"], took(0.2), UNSEEN, True),
    Shown("--proxy", ["-x", "{url}"], through_the_proxy, UNSEEN, True),
    Shown("--cacert", ["--cacert", "{ca}"], code(base="tls"), 60, 0),
    Shown("--insecure", ["-k"], code(base="tls"), 60, 0),
    Shown("--cert", ["--cert", "{both}"], code(base="strict"), UNSEEN, 0,
          ("--cacert", "{strict_ca}")),
    Shown("--key", ["--key", "{key}"], code(base="strict"), UNSEEN, 0,
          ("--cacert", "{strict_ca}", "--cert", "{cert}")),
    Shown("--tls-max", ["--tls-max", "1.2"], code(base="strict"), 0, 35,
          ("--cacert", "{strict_ca}", "--cert", "{both}")),
    Shown("--pinnedpubkey", ["--pinnedpubkey", f"sha256//{43 * 'A'}="], code(base="tls"), 0, 90,
          ("-k",)),
    Shown("--unix-socket", ["--unix-socket", "{tmp}/none"], code(), 0, 7, ("--retry", "0")),
    # Showing.
    Shown("--quiet", ["-q"], seen(lambda one: bool(one.done.stdout + one.done.stderr)),
          True, False),
    Shown("--verbose", ["-v"], seen(lambda one: "> GET /page HTTP/1.1" in one.done.stderr),
          False, True),
    Shown("--write-out", ["-w", "%{{http_code}} %{{size_download}}\\n"], output(), UNSEEN,
          "200 10\n"),
    Shown("--location", ["-L"], code("/elsewhere"), 0, 0),
    Shown("--remote-name", ["-O"], names(), {"page"}, {"page"}),
    Shown("--json", ["--json"], is_json, False, True),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.option)
def test_an_option_does_what_it_says(row, places):
    if row.option == "--ipv4" and places["six"] is None:
        pytest.skip("this machine has no IPv6 loopback")
    check(row, places)


def test_every_option_has_a_row():
    assert missing("get", TABLE) == set()
    assert unknown("get", TABLE) == set()
