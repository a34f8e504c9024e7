"""`reactor ws`: lines in, messages out, over a pipe, a file and a socket that closes."""

import json
import subprocess
import threading

import pytest
from processes import PATIENCE_S, command, environment

from reactor import Server, WebSocket


class Talker(WebSocket):
    def on_open(self, request):
        if request.path == "/greets":
            self.send(f"hello {request.headers.get('x-name')}")
            self.send(b"\x00\xff")

    def on_message(self, data):
        if data == "bye":
            self.close(4001, "as you wish")
        elif data == "away":
            self.close(1001)
        else:
            self.send(data)


@pytest.fixture(scope="module")
def url():
    server = Server(lambda request: request.websocket(Talker, subprotocols=["talk"]), port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.stop(0)
    thread.join()


def ws(*words, **options):
    options.setdefault("input", "")
    return subprocess.run(
        command("ws", *words),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
        **options,
    )


def test_a_line_is_a_message(url):
    done = ws(url, input="one\nzwei é\r\n\nlast")
    assert done.stdout == "one\nzwei é\n\nlast\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file(url, tmp_path):
    # More than all buffers between the two: an end that stopped reading would stop both.
    lines = "".join(f"{i:06}" + "x" * 1000 + "\n" for i in range(20_000))
    (tmp_path / "lines").write_text(lines)
    with (tmp_path / "lines").open() as file:
        done = ws(url, input=None, stdin=file)
    assert done.returncode == 0
    assert done.stdout == lines


def test_nothing_to_send(url):
    done = ws(f"{url}/greets", "-H", "X-Name: Ann", "--wait=0.2", input=None, stdin=-3)
    assert done.stdout == "hello Ann\n00ff\n"
    assert done.returncode == 0


def test_json(url):
    done = ws(f"{url}/greets", "--json", "--subprotocol=talk", "--wait=0.2", input='"\n')
    assert [*map(json.loads, done.stdout.splitlines())] == [
        {"type": "open", "subprotocol": "talk"},
        {"type": "text", "data": "hello None"},
        {"type": "binary", "data": "AP8="},
        {"type": "text", "data": '"'},
        {"type": "close", "code": 1000, "reason": ""},
    ]


@pytest.mark.parametrize(
    ("said", "code", "sentence"),
    [("bye", 1, "reactor: the server closed: 4001 as you wish\n"), ("away", 0, "")],
)
def test_the_server_closes(url, said, code, sentence):
    done = ws(url, input=f"{said}\n")
    assert (done.returncode, done.stderr) == (code, sentence)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["ws://127.0.0.1:1/"], 7, "nothing listens on 127.0.0.1 port 1"),
        (["http://127.0.0.1/"], 3, "write ws://HOST/PATH"),
        ([], 2, "URL"),
        (["ws://a", "-H", "x"], 2, "NAME:VALUE"),
        (["ws://a", "--subprotocol", "a b"], 2, "token"),
        (["ws://a", "-H", "Upgrade: x"], 2, "handshake"),
    ],
)
def test_what_is_wrong_is_one_sentence(words, code, sentence):
    done = ws(*words)
    assert done.returncode == code
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_nobody_reads(url):
    with subprocess.Popen(
        command("ws", url), stdin=-1, stdout=-1, stderr=-1, text=True, env=environment()
    ) as process:
        process.stdin.write("first\n")
        process.stdin.flush()
        assert process.stdout.readline() == "first\n"
        process.stdout.close()
        process.stdin.write("second\n")
        process.stdin.flush()
        assert process.wait(PATIENCE_S) == 141
        assert process.stderr.read() == ""
