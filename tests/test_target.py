"""The TARGET of `reactor serve`: what is said when it, or what goes with it, is wrong."""

from __future__ import annotations

import re
import socket
import subprocess

import pytest
from processes import MODELS, command, environment, run_reactor

from reactor import Inet, Server
from reactor.apps.echo import Echo
from reactor.errors import ConfigurationError
from reactor.net.listening import listen_sockets


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with programs in it."""
    (tmp_path / "hello.py").write_text("def app(request): ...\n")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "wsgi.py").write_text("def app(request): ...\n")
    (tmp_path / "my-app.py").write_text("")
    (tmp_path / "notes.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong(*arguments, code=3):
    done = run_reactor("serve", *arguments)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert "Traceback" not in done.stderr
    assert re.fullmatch(r"reactor: [^\n]+\n", done.stderr), done.stderr
    return done.stderr.removeprefix("reactor: ").removesuffix("\n")


SOURCES = {
    "one": "import os\nos._exit(9)\ndef _help(a): pass\ndef greet(request): pass\n",
    "maker": "def create_app(): raise KeyError\n",
    "two": "def one(request): pass\ndef two(request): pass\n",
    "taken": "from shop import wsgi as application\ndef x(r): pass\n",
    "synt": "def app(:\n",
}


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("hello.py", "is Python source; to serve the application in it write hello:NAME"),
        ("./hello.py", "write hello:NAME"),
        ("shop/wsgi.py", "write shop.wsgi:NAME"),
        ("my-app.py", "write MODULE:NAME"),
        ("notes.txt", "'notes.txt' is a file: serve its folder ('.') instead"),
        ("hello.py:app", "did you mean hello:app?"),
        ("hello.py:site.app", "did you mean hello:site.app?"),
        ("shop/wsgi.py:app", "did you mean shop.wsgi:app?"),
        ("shop/wsgi:app", "did you mean shop.wsgi:app?"),
        ("hello", "did you mean hello:app?"),
        # As far as its source says: these are not imported.
        ("one", "did you mean one:greet?"),
        ("maker", "did you mean maker:create_app()?"),
        ("two", "did you mean two:NAME?"),
        ("taken.py:", "did you mean taken:application?"),
        ("synt", "did you mean synt:NAME?"),
        ("hello:ap", "has no attribute 'ap'; did you mean app?"),
        ("hello:wibble", "has no attribute 'wibble'"),
    ],
)
def test_a_program_is_named_as_a_module(here, target, says):
    for name, source in SOURCES.items():
        (here / f"{name}.py").write_text(source)
    said = wrong(target)
    assert said.endswith(says)
    assert target.endswith("txt") or "serve its folder" not in said


@pytest.mark.parametrize("target", ["nothing", "nothing.py", "nothing.py:app", "nothing:app"])
def test_nothing_is_meant_where_there_is_no_file(here, target):
    assert "did you mean" not in wrong(target)


# --- what a module raises ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "frames", "last"),
    [
        ("def app(:\n", [], "SyntaxError: invalid syntax (synt.py, line 1)"),
        ("import no_such_thing\n", [], "ModuleNotFoundError: No module named"),
        ("from hello import nothing\n", ["synt.py"], "ImportError: cannot import name"),
        ("def f(): 1 / 0\nf()\n", ["synt.py", "synt.py"], "ZeroDivisionError: division by zero"),
        ("import broken\n", ["synt.py", "broken.py"], "KeyError: 'x\\n'"),
        (
            "class E(Exception):\n    def __str__(self): 1 / 0\nraise E\n",
            ["synt.py"],
            "E: (its text cannot be made)",
        ),
    ],
)
def test_a_traceback_has_only_frames_of_the_user(here, source, frames, last):
    (here / "synt.py").write_text(source)
    (here / "broken.py").write_text("raise KeyError('x\\n')\n")
    done = subprocess.run(
        command("serve", "synt:app"), env=environment(), capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout) == (3, "")
    shown = re.findall(r'^  File "(.*)", line \d+, in ', done.stderr, re.MULTILINE)
    assert [name.rpartition("/")[2] for name in shown] == frames
    assert done.stderr.splitlines()[-1].startswith(f"reactor: cannot import synt:app: {last}")


def test_a_framework_that_is_not_installed_is_one_sentence(here):
    (here / "shop.py").write_text("import helper\n")
    (here / "helper.py").write_text("\nfrom no_such_framework import Site\n")
    done = run_reactor("serve", "shop:app")
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert "No module named 'no_such_framework'" in line
    assert "helper.py:2" in line


# --- options that do not go with it ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--spa"], "--spa"),
        (["--no-listing", "--cors"], "--no-listing, --cors"),
        (["--listing"], "--listing"),
        (["--index", "a", "--header", "A: b"], "--index, --header"),
    ],
)
def test_options_of_folders_are_refused_for_an_application(options, named):
    said = wrong("reactor.apps.echo:Echo", *options, code=2)
    assert said.startswith(f"{named}: only a folder has such options")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "0"], "--port"),
        (["--host", "127.0.0.1"], "--host"),
        (["--host", "::1", "--port", "8000"], "--host and --port"),
    ],
)
def test_bind_is_instead_of_host_and_port(options, named):
    said = wrong("--bind", "127.0.0.1:0", *options, code=2)
    assert f"--bind is instead of --host and --port: leave out {named} (see" in said


# --- a port that is taken: the library knows no options -------------------------------------------


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.mark.parametrize("model", MODELS)
def test_the_library_does_not_speak_of_options(taken, model):
    with pytest.raises(ConfigurationError) as raised:
        Server(".", port=taken, model=model)
    assert str(raised.value) == (
        f"cannot listen on 127.0.0.1:{taken}: the port is in use; stop what listens there, "
        "or choose another"
    )
    with pytest.raises(ConfigurationError) as raised:
        listen_sockets(Inet("192.0.2.1", 0), 1)
    assert "--" not in str(raised.value)


def test_the_command_names_its_option(taken):
    assert wrong("--port", str(taken)).endswith("or choose another with --port")
    assert wrong("--bind", f"127.0.0.1:{taken}").endswith("or choose another with --bind")
    assert wrong("--host", "192.0.2.1", "--port", "0").endswith("with --host")


# --- what is announced ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_raw_tcp_is_announced_as_such(serve, model):
    target = "reactor.apps.echo:Echo"
    server = serve(target, "--model", model)
    assert re.match(rf"Serving {target} on tcp://127\.0\.0\.1:\d+ \(Ctrl-C", server.out)


@pytest.mark.parametrize("model", MODELS)
def test_a_server_runs_once(model):
    server = Server(Echo, port=0, model=model)
    assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+", server.urls[0])
    server.stop(0)
    assert server.run() is None
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"a Server runs once, .* make another one"):
            server.run()


@pytest.mark.parametrize("model", MODELS)
def test_a_closed_server_does_not_run(model):
    server = Server(".", port=0, model=model)
    server.close()
    with pytest.raises(RuntimeError, match="make another one"):
        server.run()
