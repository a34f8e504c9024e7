"""Where a server listens, as its users say it: every spelling, several at once, files of Unix
sockets, descriptors that are there already, and one sentence for each that cannot be."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from processes import (
    MODELS,
    PATIENCE_S,
    command,
    environment,
    eventually,
    has_ipv6,
    needs,
    python_for_everybody,
    read_to_end,
    run_reactor,
    serving,
    started,
)

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def folder(tmp_path):
    """A folder to serve, and short enough a path for sockets beside it."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("the page")
    return tmp_path / "www"


@pytest.fixture
def room():
    """A short path: that of a Unix socket may have 107 bytes."""
    path = tempfile.mkdtemp()
    yield Path(path)
    shutil.rmtree(path)


def answer(family, address):
    with socket.socket(family) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(address)
        sock.sendall(REQUEST)
        return read_to_end(sock).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("model", MODELS)
def test_several_binds_of_all_kinds(model, folder, room):
    name = f"reactor-test-{os.getpid()}-{model}"
    with socket.create_server(("127.0.0.1", 0)) as passed:
        binds = ["-b", "127.0.0.1:0", "--bind", f"unix:{room}/s", "--bind", f"unix:@{name}",
                 "--fd", str(passed.fileno())]  # fmt: skip
        with serving(folder, *binds, "--model", model, pass_fds=[passed.fileno()]) as server:
            assert server.urls[1:3] == [f"unix:{room}/s", f"unix:@{name}"]
            assert answer(socket.AF_INET, server.address) == b"the page"
            assert answer(socket.AF_UNIX, f"{room}/s") == b"the page"
            assert answer(socket.AF_UNIX, f"\0{name}") == b"the page"
            assert answer(socket.AF_INET, passed.getsockname()) == b"the page"
        assert not (room / "s").exists()


def served_as(user, address):
    """Whether a client that is this user gets an answer, or is let go without one."""
    child = os.fork()
    if child == 0:
        try:
            os.setuid(user)
            os._exit(0 if answer(socket.AF_UNIX, address) == b"the page" else 1)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("model", MODELS)
def test_an_abstract_name_serves_its_own_user_only(model, folder):
    name = f"reactor-other-{os.getpid()}-{model}"
    with serving(folder, "--bind", f"unix:@{name}", "--model", model):
        assert served_as(0, f"\0{name}")
        assert not served_as(65534, f"\0{name}")
        assert served_as(0, f"\0{name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("model", MODELS)
def test_an_abstract_name_serves_those_who_are_listed(model, folder):
    name = f"reactor-listed-{os.getpid()}-{model}"
    words = ("--uds-allow-uid", "65534", "--uds-allow-uid", "daemon")
    with serving(folder, "--bind", f"unix:@{name}", *words, "--model", model):
        assert served_as(65534, f"\0{name}")
        assert served_as(pwd.getpwnam("daemon").pw_uid, f"\0{name}")
        assert served_as(0, f"\0{name}")
        assert not served_as(65533, f"\0{name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_an_abstract_name_serves_whom_the_server_has_become(room):
    name = f"reactor-became-{os.getpid()}"
    (room / "index.html").write_text("the page")
    room.chmod(0o755)
    words = ["--bind", f"unix:@{name}", "--user", "65534", "--group", "65534"]
    program = [python_for_everybody(), *command("serve", room, *words, "--allowed-host", "*")[1:]]
    with started(program):
        assert served_as(65534, f"\0{name}")
        assert served_as(0, f"\0{name}")
        assert not served_as(65533, f"\0{name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_an_abstract_name_that_was_passed_is_as_one_that_was_bound(folder):
    name = f"reactor-passed-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(f"\0{name}")
        passed.listen()
        number = passed.fileno()
        words = ("--fd", number, "--uds-allow-uid", "65534")
        with serving(folder, *words, pass_fds=[number]):
            assert served_as(65534, f"\0{name}")
            assert not served_as(65533, f"\0{name}")


def test_a_descriptor_that_is_named_twice_is_said_in_one_sentence(folder):
    with socket.create_server(("127.0.0.1", 0)) as passed:
        number = passed.fileno()
        for more in ([], ["--workers", "2"], ["--user", str(os.geteuid())]):
            words = ["--fd", number, "--fd", number, "--allow-root", *more]
            done = run_reactor("serve", folder, *words, pass_fds=[number])
            assert done.returncode == 3
            assert done.stderr == f"reactor: fd:{number} is named twice: it can be served once\n"


def test_who_is_listed_has_to_exist_and_to_matter(room):
    for words, says in (
        (["--uds-allow-uid", "nobody-at-all"], "there is no user 'nobody-at-all'"),
        (["--uds-allow-uid", "0"], "is for --bind unix:@NAME"),
        (["--uds-allow-uid", "0", "--bind", f"unix:{room}/s"], "is for --bind unix:@NAME"),
    ):
        done = run_reactor("serve", *words)
        assert done.returncode == 2
        assert says in done.stderr


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_star_is_both_families_on_one_port_and_zeros_are_one(folder):
    with serving(folder, "--bind", "*:0") as server:
        four, six = server.urls
        assert four.startswith("http://0.0.0.0:") and six.startswith("http://[::]:")
        assert answer(socket.AF_INET, ("127.0.0.1", server.port)) == b"the page"
        assert answer(socket.AF_INET6, ("::1", server.port)) == b"the page"
        assert server.err.count("WARNING") == 2
        # A client by IPv4 is one, and no ::ffff:127.0.0.1.
        server.stop()
        assert {line.split()[0] for line in server.access_log} == {"127.0.0.1", "::1"}
    with serving(folder, "--bind", "[::]:0") as server, pytest.raises(ConnectionRefusedError):
        answer(socket.AF_INET, ("127.0.0.1", server.port))


class TestFilesOfSockets:
    @pytest.mark.parametrize(("mode", "umask"), [("600", 0), ("660", 0o077), ("666", 0o022)])
    def test_the_file_is_never_seen_with_more_rights_than_asked(self, mode, umask, folder, room):
        """strace shows every moment that there is: what the kernel was asked, in its order."""
        strace = needs("strace")
        trace = room / "trace"
        calls = "bind,chmod,fchmod,fchmodat,listen,umask,chown,fchownat"
        program = [strace, "-D", "-f", "-o", str(trace), "-e", f"trace={calls}"]
        words = ["--bind", f"unix:{room}/s", "--uds-mode", mode]
        with started([*program, *command("serve", folder, *words)], umask=umask):
            assert (room / "s").stat().st_mode & 0o777 == int(mode, 8)
        lines = trace.read_text().splitlines()
        made = [line.split("(")[0].split()[-1] for line in lines if "= 0" in line]
        assert made.index("fchmod") < made.index("bind") < made.index("listen")
        [born] = [line for line in lines if "fchmod(" in line and "= 0" in line]
        assert int(born.rpartition(", ")[2].split(")")[0], 8) & ~int(mode, 8) == 0
        # What follows the bind only adds, and comes before anybody can connect.
        assert "umask" not in made
        assert [call for call in made[made.index("listen") :] if "ch" in call] == []

    def test_with_a_group_the_others_wait_for_their_rights(self, room):
        from reactor.net import Unix
        from reactor.net.listening import listen_sockets

        group = 12345 if os.geteuid() == 0 else os.getgid()
        [sock] = listen_sockets(Unix(str(room / "s"), 0o660, str(group)), 8)
        found = os.stat(room / "s")
        assert (found.st_mode & 0o777, found.st_gid) == (0o660, group)
        sock.close()

    def test_of_many_who_find_a_stale_file_one_takes_it(self, folder, room):
        path = room / "s"
        for _ in range(3):
            stale = socket.socket(socket.AF_UNIX)
            stale.bind(str(path))
            stale.close()
            with ExitStack() as stack:
                racing = [
                    stack.enter_context(
                        subprocess.Popen(
                            command("serve", folder, "--uds", path),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                        )
                    )
                    for _ in range(3)
                ]  # fmt: skip
                eventually(
                    lambda: sum(one.poll() is not None for one in racing) == 2,  # noqa: B023
                    "all but one have given up",
                )
                [winner] = [one for one in racing if one.poll() is None]
                assert {one.returncode for one in racing if one is not winner} == {3}
                eventually(lambda: path.exists(), "it listens")
                assert winner.stdout.readline().startswith(b"Serving")
                assert answer(socket.AF_UNIX, str(path)) == b"the page"
                winner.terminate()
                winner.wait(PATIENCE_S)


def refused(*words, **options):
    done = run_reactor("serve", "/nowhere-at-all/" if not words else ".", *words, **options)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr


class TestWhatCannotBe:
    """One sentence each, exit 3, and nothing else is disturbed."""

    def test_a_path_that_another_server_has(self, folder, room):
        with serving(folder, "--uds", room / "s"):
            code, said = refused("--uds", str(room / "s"))
            assert (code, "another server listens there" in said) == (3, True)
            assert answer(socket.AF_UNIX, str(room / "s")) == b"the page"

    def test_a_file_that_is_no_socket(self, room):
        (room / "s").write_text("precious")
        code, said = refused("--uds", str(room / "s"))
        assert (code, "a file that is no socket" in said) == (3, True)
        assert (room / "s").read_text() == "precious"

    def test_a_folder_that_is_not_there_and_a_group_that_is_not(self, room):
        code, said = refused("--uds", str(room / "none" / "s"))
        assert (code, "No such file" in said) == (3, True)
        code, said = refused("--uds", str(room / "s"), "--uds-group", "no-such-group")
        assert (code, "there is no group 'no-such-group'" in said) == (3, True)
        assert not (room / "s").exists()

    def test_descriptors_that_are_not_what_is_needed(self, room):
        with (
            open(room / "file", "w") as file,
            socket.socket() as silent,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            for number, why in [
                (99, "it is not open"),
                (file.fileno(), "it is no socket"),
                (silent.fileno(), "it does not listen"),
                (datagrams.fileno(), "neither a TCP socket nor"),
            ]:
                fds = [fd for fd in (number,) if fd != 99]
                code, said = refused("--fd", str(number), pass_fds=fds)
                assert (code, why in said) == (3, True), said

    def test_a_name_that_was_not_passed(self):
        code, said = refused("--bind", "fd:web")
        assert (code, "no descriptor was passed by that name" in said) == (3, True)

    def test_words_behind_an_address(self):
        code = run_reactor("serve", "--bind", "127.0.0.1:0,proxy=v9").returncode
        assert code == 2
        assert run_reactor("serve", "--uds-mode", "888", "--uds", "/tmp/x").returncode == 2
        assert run_reactor("serve", "--uds-mode", "600").returncode == 2


# --- what systemd passes --------------------------------------------------------------------

ACTIVATING = """
import os, socket, sys
path, pid, names = sys.argv[1:4]
tcp = socket.create_server(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(path)
unix.listen()
for number, sock in ((3, tcp), (4, unix)):
    assert sock.fileno() <= number
    os.dup2(sock.fileno(), number) if sock.fileno() != number else os.set_inheritable(number, True)
os.set_inheritable(3, True); os.set_inheritable(4, True)
os.environ.update(LISTEN_FDS="2", LISTEN_FDNAMES=names,
                  LISTEN_PID=str(os.getpid()) if pid == "ours" else pid)
os.execv(sys.executable, [sys.executable, "-m", "reactor", "serve", *sys.argv[4:]])
"""

SHOWING = """
import os
from reactor import Response

def app(request):
    return Response(200, {}, repr([name for name in os.environ if name.startswith("LISTEN_")]))
"""


def activated(path, pid, names, *words, **options):
    return started([sys.executable, "-c", ACTIVATING, str(path), pid, names, *words], **options)


@pytest.mark.parametrize("model", MODELS)
def test_all_passed_descriptors_are_served_and_their_file_is_left_alone(model, room):
    (room / "showing.py").write_text(SHOWING)
    path = room / "s"
    with activated(path, "ours", "web:local", "showing:app", "--model", model, cwd=room) as server:
        assert server.urls[1] == f"unix:{path}"
        # Its child processes must not take them for theirs.
        assert answer(socket.AF_INET, server.address) == b"[]"
        assert answer(socket.AF_UNIX, str(path)) == b"[]"
        mode = path.stat().st_mode
    assert path.stat().st_mode == mode


def test_one_passed_descriptor_by_its_name(folder, room):
    with activated(room / "s", "ours", "web:local", str(folder), "-b", "fd:local") as server:
        assert server.urls == [f"unix:{room}/s"]
        assert answer(socket.AF_UNIX, str(room / "s")) == b"the page"


def test_those_of_another_process_are_ignored(folder, room):
    with activated(room / "s", "1", "web:local", str(folder), "--port", "0") as server:
        assert server.urls == [server.url] and server.url.startswith("http://127.0.0.1:")
