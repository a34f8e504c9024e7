"""`reactor.Server` and `serve`, from a program: in a thread, stopped by a call; and the logs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

import pytest
from processes import MODELS, PATIENCE_S, environment, eventually, exchange

import reactor
from reactor import Limits, Response, Server
from reactor.client.blocking import save
from reactor.errors import ConfigurationError

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def hello(request):
    return Response(200, [], b"hello")


class Running:
    def __init__(self, target, **options):
        self.server = Server(target, port=0, **options)
        self.address = self.server.sockets[0].getsockname()
        self.result = "still running"
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        self.result = self.server.run()

    def join(self):
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.mark.parametrize("model", MODELS)
def test_a_server_in_a_thread_answers_and_stops(model):
    before = signal.getsignal(signal.SIGTERM)
    running = Running(hello, model=model)
    assert running.server.urls == [f"http://127.0.0.1:{running.address[1]}/"]
    assert exchange(running.address, GET).endswith(b"hello")
    running.server.stop()
    running.join()
    assert running.result is None
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(running.address)


@pytest.mark.parametrize("model", MODELS)
def test_serve_in_a_thread_gives_open_sockets(model):
    listening, addresses = threading.Event(), []

    def on_listening(sockets):
        addresses.extend(sock.getsockname() for sock in sockets)
        listening.set()

    threading.Thread(
        target=reactor.serve,
        args=(hello,),
        kwargs={"port": 0, "model": model, "on_listening": on_listening},
        daemon=True,  # `serve` has no stop: that is `Server`
    ).start()
    assert listening.wait(PATIENCE_S)
    assert exchange(addresses[0], GET).endswith(b"hello")


@pytest.mark.parametrize("model", MODELS)
def test_a_stop_before_the_run_is_no_loss(model):
    server = Server(hello, port=0, model=model)
    with socket.create_connection(server.sockets[0].getsockname(), timeout=PATIENCE_S) as client:
        client.sendall(GET)
        server.stop()
        thread = threading.Thread(target=server.run)
        thread.start()
        assert client.recv(4096).endswith(b"hello")
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.mark.parametrize("model", MODELS)
def test_the_second_stop_is_at_once(model):
    running = Running(hello, model=model)
    with socket.create_connection(running.address, timeout=PATIENCE_S) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096).endswith(b"hello")
        running.server.stop(3600)
        running.server.stop()
        running.join()


@pytest.mark.parametrize("model", MODELS)
def test_stop_0_is_ctrl_c(model):
    running = Running(hello, model=model, limits=Limits(keep_alive_timeout_s=3600))
    with socket.create_connection(running.address, timeout=PATIENCE_S) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096).endswith(b"hello")
        running.server.stop(0)
        assert idle.recv(1) == b""
        running.join()


def test_stop_after_the_end_and_close_twice_do_nothing():
    for model in MODELS:
        running = Running(hello, model=model)
        running.server.stop()
        running.join()
        running.server.stop()
        running.server.close()
        running.server.close()


def test_a_server_that_never_runs_gives_up_its_sockets():
    for model in MODELS:
        server = Server(hello, port=0, model=model)
        server.close()
        assert [sock.fileno() for sock in server.sockets] == [-1]


def test_a_server_that_cannot_listen_leaves_nothing_open():
    server = Server(hello, port=0)
    with pytest.raises(ConfigurationError):
        Server(hello, port=server.sockets[0].getsockname()[1])
    server.close()


# --- logs: the root logger is the application's ---------------------------------------------------

BASIC = """
import logging
logging.basicConfig(filename="app.log", level=logging.INFO)
logging.getLogger("app").info("imported")
"""
ITS_OWN = """
import logging
handler = logging.FileHandler("app.log")
logging.getLogger("reactor").addHandler(handler)
"""
DISABLING = """
import logging.config
logging.config.dictConfig({"version": 1})
"""


@pytest.mark.parametrize(
    ("code", "on_stderr", "in_the_file"),
    [
        (BASIC, "ValueError: of the application", "INFO:app:imported"),
        (ITS_OWN, "", "ValueError: of the application"),
        (DISABLING, "ValueError: of the application", ""),
    ],
)
def test_an_application_configures_logging_itself(serve, tmp_path, code, on_stderr, in_the_file):
    code += "def app(request): raise ValueError('of the application')\n"
    (tmp_path / "logs.py").write_text(code)
    server = serve("logs:app", cwd=tmp_path, traceback_expected=True)
    assert exchange(server.address, GET).startswith(b"HTTP/1.1 500 ")
    file = tmp_path / "app.log"
    if on_stderr:
        eventually(lambda: on_stderr in server.err, "the fault is on stderr")
        assert server.err.count("Traceback") == 1
    if in_the_file:
        eventually(lambda: in_the_file in file.read_text(), "the file has it")
    assert server.stop() == 0
    if not on_stderr:
        assert server.err == ""
    if in_the_file and on_stderr:
        assert "Traceback" not in file.read_text()  # told once


# --- exit codes of `reactor serve` -------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        ("import sys; sys.exit('not today')", "reactor: module:app ended the program while it was"),
        ("def app(", "SyntaxError"),
        ("app = 1", "reactor: 'module:app' is"),
    ],
)
def test_a_module_that_cannot_be_served_is_exit_code_3(tmp_path, code, says):
    (tmp_path / "module.py").write_text(code + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "reactor", "serve", "module:app", "--port", "0"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert says in done.stderr
    assert (done.returncode, done.stdout) == (3, "")


def test_a_fault_of_ours_is_exit_code_1(tmp_path):
    code = (
        "from reactor.loop import Loop\n"
        "def broken(*args): raise RuntimeError('a fault of ours')\n"
        "import reactor.server\n"
        "reactor.server.models.LoopServer.run = broken\n"
        "app = lambda request: None\n"
    )
    (tmp_path / "module.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "reactor", "serve", "module:app", "--port", "0"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert "a fault of ours" in done.stderr
    assert done.returncode == 1


# --- what a program says wrongly ---------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("seconds", "error"),
    [(float("nan"), ValueError), (-1, ValueError), ("5", TypeError), (True, TypeError)],
)
def test_a_grace_that_is_no_time_is_refused_and_the_server_goes_on(model, seconds, error):
    running = Running(hello, model=model)
    with pytest.raises(error, match="a time is"):
        running.server.stop(seconds)
    assert exchange(running.address, GET).endswith(b"hello")
    running.server.stop(0)
    running.join()
    assert running.result is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "foo"}, "there is no model 'foo': write 'reactor' or 'threads'"),
        ({"model": None}, "there is no model None"),
        ({"port": -1}, "-1 is no port: a port is a number from 0 to 65535"),
        ({"port": 99999}, "99999 is no port"),
        ({"port": "x"}, "'x' is no port"),
        ({"port": True}, "True is no port"),
        ({"host": None}, "None is no host"),
    ],
)
def test_options_that_are_none_are_refused_in_a_sentence(options, says):
    with pytest.raises(ConfigurationError, match=says):
        Server(hello, **{"port": 0, **options})


@pytest.mark.parametrize("url", [None, 1, b"http://127.0.0.1/"])
def test_a_url_that_is_no_text(url, tmp_path):
    with pytest.raises(TypeError, match="a URL is text, not "):
        reactor.get(url)
    with pytest.raises(TypeError, match="a URL is text, not "):
        save(url, tmp_path / "file")
