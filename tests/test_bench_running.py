"""`bench --target URL`: a server that somebody else started, by either loopback address."""

import json
import os
import socket

import pytest
from processes import run_reactor

from reactor.bench.listening import listening
from reactor.bench.memory import idle_slope
from reactor.bench.running import Running
from reactor.bench.servers import NotServed, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
SHORT = ("--pairs", "2", "--slot", "0.1", "-c", "2")


@pytest.mark.parametrize(
    ("bind", "host"),
    [("[::1]:0", "[::1]"), ("[::]:0", "[::1]"), ("127.0.0.1:0", "127.0.0.1"),
     ("0.0.0.0:0", "127.0.0.1"), ("127.0.0.1:0", "localhost"), ("[::1]:0", "localhost")],
)  # fmt: skip
def test_a_server_is_measured_by_its_url(serve, folder, tmp_path, bind, host):
    server = serve(folder, "--bind", bind, "--no-access-log")
    url = f"http://{host}:{server.port}/"
    done = run_reactor("bench", "--target", url, *SHORT, "--json", tmp_path / "made.json")
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
    [row] = made["rows"]
    assert row["cpu_us_per_request"] > 0
    assert str(folder) in made["environment"]["commands"]["url"]


def test_servers_of_one_port_are_told_apart(serve, folder):
    four = serve(folder, "--bind", "127.0.0.1:0")
    six = serve(folder, "--bind", f"[::1]:{four.port}")
    for server, host in ((four, "127.0.0.1"), (six, "[::1]")):
        with Running("url", f"http://{host}:{server.port}/") as found:
            assert found.pids()[0] == server.pid


def test_the_more_specific_address_takes_the_connection():
    with socket.socket() as every, socket.socket() as exact:
        for sock, host in ((every, "0.0.0.0"), (exact, "127.0.0.1")):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port = every.getsockname()[1] if sock is exact else 0
            sock.bind((host, port))
            sock.listen()
            assert listening("127.0.0.1", sock.getsockname()[1]) == {
                os.readlink(f"/proc/self/fd/{sock.fileno()}")
            }
    assert listening("127.0.0.1", 1) == set()


def test_idle_connections_of_ipv6_are_weighed(serve, folder):
    server = serve(folder, "--bind", "[::1]:0", "--no-access-log")
    with Running("url", server.url) as found:
        slope, before, after = idle_slope(found, found.learn(), 300)
    assert after.descriptors - before.descriptors == 300
    assert slope < 100_000


@pytest.mark.parametrize("url", ["http://[::2]:80/", "https://[::1]/", "http://::1/", "ftp://x"])
def test_another_machines_url_is_refused(url):
    with pytest.raises(NotServed, match=r"no http URL of 127\.0\.0\.1, localhost or \[::1\]"):
        Running("url", url)
