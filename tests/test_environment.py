"""What `serve` finds in its environment, and what it makes of folders, files and ports there."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest
from processes import command, environment, eventually, run_reactor, serving

from reactor.cli.environment import _variables_of
from reactor.errors import ConfigurationError
from reactor.server.pid_file import pid_file


@pytest.fixture
def here(tmp_path):
    (tmp_path / "site.py").write_text("")
    (tmp_path / "made.py").write_text(
        "from reactor import Response\n"
        "def make(text='none', n=1): return lambda request: Response(200, {}, text * n)\n"
        "def breaks(): raise KeyError('in the factory')\n"
        "app = make()\n"
    )
    return tmp_path


def wrong(*arguments, code, **options):
    done = run_reactor("serve", *arguments, **options)
    assert (done.returncode, done.stdout) == (code, ""), done
    # Before it fails, one that is root is told so.
    said = re.sub(r"^reactor: WARNING: [^\n]+\n", "", done.stderr)
    assert re.fullmatch(r"reactor[^\n]+\n", said), done.stderr
    return said


# --- PORT and WEB_CONCURRENCY --------------------------------------------------------------------


def test_port_replaces_the_default_port_on_this_machine_only(tmp_path, free_port):
    with serving(tmp_path, "--bind", "127.0.0.1", env={"PORT": str(free_port)}) as server:
        assert server.port == free_port
        assert server.err == ""
    # --port is said by `serving`, so here it is the command that is looked at.
    done = serving_on(tmp_path, {"PORT": str(free_port)})
    assert f"http://127.0.0.1:{free_port}/" in done.out
    assert f"PORT={free_port}, on 127.0.0.1 only: " in done.err
    assert "add --host 0.0.0.0" in done.err


@pytest.fixture
def free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def serving_on(folder, env, *words):
    """A server that is told of no port; it has ended."""
    from processes import command, started

    with started(command("serve", folder, *words), env=env) as server:
        pass
    return server


def test_an_option_wins_over_port(tmp_path):
    with serving(tmp_path, env={"PORT": "1"}) as server:  # --port 0
        assert server.port != 1
        assert "PORT" not in server.err
    with serving(tmp_path, "--bind", "127.0.0.1:0", env={"PORT": "nonsense"}) as server:
        assert server.err == ""


def test_a_link_to_a_service_is_no_port(tmp_path):
    """Kubernetes sets PORT so in no case, but Docker's links and a prefix that is empty do."""
    link = {"PORT": "tcp://10.0.0.1:80"}
    done = run_reactor("serve", tmp_path, "--check-config", env=link)
    assert done.returncode == 0, done
    assert done.stdout.endswith("would be served on 127.0.0.1:8000\n")
    done = run_reactor("serve", tmp_path, "--print-config", env=link)
    assert done.stdout.endswith("# PORT sets no option: it is ignored\n")


def test_a_variable_that_no_flag_would_take_is_wrong_usage(tmp_path):
    said = wrong(tmp_path, code=2, env={"REACTOR_SERVE_ACCESS_LOG": "maybe"})
    assert "REACTOR_SERVE_ACCESS_LOG: write true or false" in said


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("serve --port 0", 3),
        ("serve m:app", 3),
        ("serve . --workers 2", 3),
        ("serve --check-config", 3),
        ("bench --json x.json", 1),
    ],
)
def test_a_folder_that_was_removed_is_one_sentence(tmp_path, words, code):
    (gone := tmp_path / "gone").mkdir()
    shell = ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *command(*words.split())]
    done = subprocess.run(
        shell, cwd=gone, env=environment(), capture_output=True, text=True, timeout=20
    )
    sentence = "reactor: the current folder was removed: go to another one\n"
    assert (done.returncode, done.stdout, done.stderr) == (code, "", sentence)


@pytest.mark.parametrize("port", ["nonsense", "99999", "-1"])
def test_a_wrong_port_is_one_sentence(tmp_path, port):
    said = wrong(tmp_path, code=2, env={"PORT": port})
    assert "PORT in the environment" in said


def test_web_concurrency_is_how_many_workers_serve(tmp_path):
    from crew import children  # which needs Linux

    with serving(tmp_path, env={"WEB_CONCURRENCY": "2"}) as server:
        # The supervisor, the mold, two workers.
        eventually(lambda: len(children(server.pid)) == 3, "there are two workers")
    assert "WEB_CONCURRENCY in the environment" in wrong(
        tmp_path, env={"WEB_CONCURRENCY": "many"}, code=2
    )
    with serving(tmp_path, env={"WEB_CONCURRENCY": "1"}) as server:
        pass
    assert server.err == ""


# --- targets that are none ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("8000", "to listen on that port write --port 8000"),
        ("0.0.0.0:8000", "to listen there write --bind 0.0.0.0:8000"),
        (":8000", "to listen there write --bind :8000"),
        ("[::1]:8000", "to listen there write --bind [::1]:8000"),
    ],
)
def test_a_port_as_target_hints_at_the_option(here, target, hint):
    assert hint in wrong(target, code=2, cwd=here)


def test_a_folder_of_digits_is_a_folder(tmp_path):
    (tmp_path / "8000").mkdir()
    with serving("8000", cwd=tmp_path) as server:
        assert server.out.startswith("Serving 8000 on ")


def test_a_folder_by_option_is_instead_of_the_target(tmp_path):
    said = wrong("--directory", tmp_path, "app:app", code=2)
    assert "is instead of the target app:app" in said
    assert "there is no folder" in wrong("--directory", tmp_path / "none", code=3)


# --- an application that is made ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "words", "body"),
    [
        ("made:make()", [], b"none"),
        ("made:make('ab', n=2)", [], b"abab"),
        ("made:make", ["--factory"], b"none"),
        ("made:app", [], b"none"),
    ],
)
def test_what_a_call_returns_is_served(here, target, words, body):
    with serving(target, *words, cwd=here) as server, server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        data = b""
        while chunk := sock.recv(1000):
            data += chunk
        assert data.endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    "target", ["made:make(name)", "made:make(1 +)", "made:make(**{})", "made:make()()"]
)
def test_arguments_of_a_call_are_literals(here, target):
    assert "literals" in wrong(target, code=3, cwd=here)


def test_what_a_factory_raises_has_its_traceback(here):
    import subprocess

    from processes import command, environment

    done = subprocess.run(
        command("serve", "made:breaks()"),
        cwd=here, env=environment(), capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 3
    assert re.findall(r'File ".*/(\w+\.py)"', done.stderr) == ["made.py"]
    assert "in the factory" in done.stderr


# --- files of variables ---------------------------------------------------------------------------


def test_a_file_of_variables_is_read_as_a_shell_does(tmp_path):
    path = tmp_path / "env"
    path.write_text(
        "\ufeff# a comment\n\nA=1\n export B = two words # and a comment\nC='as # it is'\n"
        'D="a\\nb \\"c\\"" # more\nE=\nF=a#b\nG=x=y\n'
    )
    assert dict(_variables_of(path)) == {
        "A": "1", "B": "two words", "C": "as # it is", "D": 'a\nb "c"', "E": "", "F": "a#b",
        "G": "x=y",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["secret", "=secret", "A B=secret", "A='secret", 'A="secret'])
def test_a_line_that_is_none_is_named_and_not_shown(tmp_path, line):
    path = tmp_path / "env"
    path.write_text(f"A=1\n{line}\n")
    said = wrong("--env-file", path, tmp_path, code=3)
    assert f"{path} line 2 is not NAME=VALUE" in said
    assert "secret" not in said


def test_what_is_set_wins_over_the_file(here):
    (here / "env").write_text("PORT=1\n")
    with serving(here, "--env-file", "env", "--bind", "127.0.0.1", cwd=here,
                 env={"PORT": "0"}) as server:  # fmt: skip
        assert server.port != 1


@pytest.mark.parametrize("option", ["--chdir", "--app-dir", "--env-file"])
def test_what_is_not_there_is_named(tmp_path, option):
    assert str(tmp_path / "none") in wrong(option, tmp_path / "none", code=3)


# --- the file with the process's number -----------------------------------------------------------


def test_the_file_of_a_running_server_is_left_alone(tmp_path):
    path = tmp_path / "pid"
    with serving(tmp_path, "--pid", path) as server:
        said = wrong(tmp_path, "--port", "0", "--pid", path, code=3)
        assert f"process {server.pid}, still runs" in said
        assert path.read_text() == f"{server.pid}\n"
    assert not path.exists()


def test_the_number_of_a_killed_server_is_taken_over(tmp_path):
    path = tmp_path / "pid"
    with serving(tmp_path, "--pid", path) as server:
        server.signal(signal.SIGKILL)
        server.wait()
    assert path.read_text() == f"{server.pid}\n"
    with serving(tmp_path, "--pid", path) as other:
        assert path.read_text() == f"{other.pid}\n"


def test_a_file_that_holds_something_else_is_not_overwritten(tmp_path):
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="holds something else"), pid_file(str(path)):
        pass
    assert path.read_text() == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "other")
    with pytest.raises(ConfigurationError, match="cannot write"), pid_file(str(path)):
        pass


def test_only_its_writer_removes_it(tmp_path):
    path = tmp_path / "pid"
    with pid_file(str(path)):
        path.unlink()
        path.write_text("1\n")
    assert path.read_text() == "1\n"
    with pid_file(str(tmp_path / "second")):
        if (child := os.fork()) == 0:
            try:
                raise SystemExit
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert (tmp_path / "second").exists()


def test_a_file_that_was_removed_in_between_is_made_anew(tmp_path, monkeypatch):
    path = tmp_path / "pid"
    real, times = os.open, []

    def slow(*arguments):
        descriptor = real(*arguments)
        if not times:
            os.unlink(path)  # the last owner, just now
        times.append(descriptor)
        return descriptor

    monkeypatch.setattr(os, "open", slow)
    with pid_file(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert len(times) == 2


def test_a_server_that_cannot_start_leaves_no_file(tmp_path, free_port):
    import socket

    path = tmp_path / "pid"
    with socket.create_server(("127.0.0.1", free_port)):
        assert "is in use" in wrong(tmp_path, "--port", free_port, "--pid", path, code=3)
    assert not path.exists()
