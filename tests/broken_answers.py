"""Answers that break a rule, and what clients make of them: `python tests/broken_answers.py`.

Each case is what a careless server sends, byte for byte, over a raw socket. The clients are other
people's: curl, wget, requests, httpx (`pip install -e '.[compat]'`). What three of them read alike
is what the web has learnt to live with, and ours reads it too, or `Case.why` says why not. The
script prints the table of docs/client.md; `test_broken_answers.py` holds it.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import reactor
from reactor.client import Proxies
from reactor.errors import FetchError

TIMEOUT_S = 5
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 4\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
WHOLE = b"4\r\nbody\r\n" + LAST


@dataclass(frozen=True)
class Case:
    """``why``: the reason why ours does not read what others do."""

    name: str
    answer: bytes
    why: str = ""
    expected: bytes = b"body"


def lines(*fields: bytes, body: bytes = b"body", start: bytes = OK) -> bytes:
    return start + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


CASES = (
    # --- lines ---------------------------------------------------------------------------
    Case("every line ends in LF", (OK + LENGTH + b"\r\n").replace(b"\r", b"") + b"body"),
    Case("the blank line alone ends in LF", OK + LENGTH + b"\nbody"),
    Case("an empty line before the status line", b"\r\n" + OK + LENGTH + b"\r\nbody"),
    Case(
        "a CR inside a field",
        lines(b"X: a\rb", LENGTH[:-2]),
        why="to some readers a CR ends the line, and what follows is a field (RFC 9112 2.2)",
    ),
    Case(
        "the head ends with the connection",
        OK + b"X: y\r\n",
        expected=b"",
        why="a head that broke off looks the same",
    ),
    # --- the status line -----------------------------------------------------------------
    Case("no reason, and no space before it", b"HTTP/1.1 200\r\n" + LENGTH + b"\r\nbody"),
    Case("two spaces before the status", b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\nbody"),
    Case("a tab before the reason", b"HTTP/1.1 200\tOK\r\n" + LENGTH + b"\r\nbody"),
    Case("a control byte in the reason", b"HTTP/1.1 200 O\x01K\r\n" + LENGTH + b"\r\nbody"),
    Case("a status of two digits", b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\nbody"),
    Case("a status of four digits", b"HTTP/1.1 2000 OK\r\n" + LENGTH + b"\r\nbody"),
    Case("the version in small letters", b"http/1.1 200 OK\r\n" + LENGTH + b"\r\nbody"),
    Case("HTTP/1.2", b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\nbody"),
    Case("HTTP/3.0 over TCP", b"HTTP/3.0 200 OK\r\n" + LENGTH + b"\r\nbody"),
    Case("no head at all (HTTP/0.9)", b"body"),
    # --- fields --------------------------------------------------------------------------
    Case("a folded field", lines(b"X: a,\r\n b", LENGTH[:-2])),
    Case("a field folded by a tab, twice", lines(b"X: a,\r\n\tb\r\n\tc", LENGTH[:-2])),
    Case(
        "a folded length",
        lines(b"Content-Length:\r\n 4"),
        why="who does not unfold reads another length; curl refuses it too",
    ),
    Case("white space before the first field", OK + b" X: y\r\n" + LENGTH + b"\r\nbody"),
    Case("a line without a colon", lines(b"nonsense", LENGTH[:-2])),
    Case("a space before the colon", lines(b"X : y", LENGTH[:-2])),
    Case("a space before the length's colon", lines(b"Content-Length : 4")),
    Case(
        "a field without a name",
        lines(b": y", LENGTH[:-2]),
        why="what is no field could be a length to another reader",
    ),
    Case(
        "a space in a name",
        lines(b"X Y: z", LENGTH[:-2]),
        why="what is no field could be a length to another reader",
    ),
    Case("a control byte in a value", lines(b"X: a\x01b", LENGTH[:-2])),
    Case("a NUL in a value", lines(b"X: a\0b", LENGTH[:-2])),
    Case("150 fields", lines(*[b"X-%d: y" % n for n in range(150)], LENGTH[:-2])),
    # --- the length ----------------------------------------------------------------------
    Case("the same length twice", lines(LENGTH[:-2], LENGTH[:-2])),
    Case("the same length as a list", lines(b"Content-Length: 4, 4")),
    Case("two lengths", lines(LENGTH[:-2], b"Content-Length: 2")),
    Case("two lengths as a list", lines(b"Content-Length: 4, 2")),
    Case(
        "a length with a sign",
        lines(b"Content-Length: +4"),
        why="no number by RFC 9110 8.6: a length to one reader, none to another",
    ),
    Case(
        "a length with a word",
        lines(b"Content-Length: 4 bytes"),
        why="no number by RFC 9110 8.6: a length to one reader, none to another",
    ),
    Case("an empty length", lines(b"Content-Length:")),
    Case("a negative length", lines(b"Content-Length: -1")),
    Case("a length beside chunks", CHUNKED[:-2] + b"Content-Length: 99\r\n\r\n" + WHOLE),
    Case("a length before chunks", lines(b"Content-Length: 99", CHUNKED[17:-4], body=WHOLE)),
    Case("more bytes than the length", lines(LENGTH[:-2], body=b"bodyextra")),
    Case("fewer bytes than the length", lines(b"Content-Length: 9")),
    # --- chunks --------------------------------------------------------------------------
    Case("chunks in HTTP/1.0", CHUNKED.replace(b"1.1", b"1.0") + WHOLE),
    Case("chunked twice", CHUNKED[:-2] + CHUNKED[17:] + WHOLE),
    Case("a coding that is none: identity", lines(b"Transfer-Encoding: identity", LENGTH[:-2])),
    Case("an empty Transfer-Encoding", lines(b"Transfer-Encoding:", LENGTH[:-2])),
    Case("a space after the size", CHUNKED + b"4 \r\nbody\r\n" + LAST),
    Case("spaces after every size", CHUNKED + b"4   \r\nbody\r\n0   \r\n\r\n"),
    Case("a space before the size", CHUNKED + b" 4\r\nbody\r\n" + LAST),
    Case("a size with 0x", CHUNKED + b"0x4\r\nbody\r\n" + LAST),
    Case(
        "a size of 20 digits",
        CHUNKED + b"4".rjust(20, b"0") + b"\r\nbody\r\n" + LAST,
        why="more digits than any size has (16); curl refuses it too",
    ),
    Case("no size", CHUNKED + b"\r\nbody\r\n" + LAST),
    Case("spaces around an extension", CHUNKED + b"4 ; a = b\r\nbody\r\n" + LAST),
    Case("an empty extension", CHUNKED + b"4;\r\nbody\r\n" + LAST),
    Case("chunk lines end in LF", CHUNKED + WHOLE.replace(b"\r", b"")),
    Case("no line end after the data", CHUNKED + b"4\r\nbody" + LAST),
    Case("more data than the size", CHUNKED + b"4\r\nbodyextra\r\n" + LAST),
    Case("no blank line after the last chunk", CHUNKED + b"4\r\nbody\r\n0\r\n"),
    Case("no last chunk", CHUNKED + b"4\r\nbody\r\n"),
    Case("a length among the trailers", CHUNKED + b"4\r\nbody\r\n0\r\nContent-Length: 9\r\n\r\n"),
    # --- no body -------------------------------------------------------------------------
    Case("204 with a body", lines(LENGTH[:-2], start=b"HTTP/1.1 204 X\r\n"), expected=b""),
    Case("a 1xx before it that nobody asked for", b"HTTP/1.1 103 Hi\r\n\r\n" + lines(LENGTH[:-2])),
)


class Server:
    """Answers ``/N`` by the bytes of case N, then closes; reads on, so that no reset cuts it."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, suppress(OSError):
                    self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        client.settimeout(TIMEOUT_S)
        request = b""
        while b"\r\n\r\n" not in request:
            data = client.recv(4096)
            if not data:
                return
            request += data
        client.sendall(self._answers[int(request.split(b" ")[1][1:])])
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def run(*command: str) -> bytes | None:
    done = subprocess.run(command, capture_output=True, timeout=4 * TIMEOUT_S)
    return None if done.returncode else done.stdout


def by_curl(url: str) -> bytes | None:
    return run("curl", "-q", "-sS", "--noproxy", "*", "-m", str(TIMEOUT_S), url)


def by_wget(url: str) -> bytes | None:
    options = ("--no-config", "--no-proxy", "-q", "-O", "-", "-t", "1", "-T", str(TIMEOUT_S))
    return run("wget", *options, url)


def by_requests(url: str) -> bytes | None:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=TIMEOUT_S).content
        except requests.RequestException:
            return None


def by_httpx(url: str) -> bytes | None:
    import httpx

    try:
        # Without a trust store, which takes longer to load than all else.
        return httpx.get(url, timeout=TIMEOUT_S, trust_env=False, verify=False).content
    except httpx.HTTPError:
        return None


def by_ours(url: str) -> bytes | None:
    try:
        return reactor.get(url, retries=0, proxies=Proxies()).body
    except FetchError:
        return None


Reader = Callable[[str], "bytes | None"]
OTHERS: dict[str, Reader] = {
    "curl": by_curl,
    "wget": by_wget,
    "requests": by_requests,
    "httpx": by_httpx,
}


def missing() -> list[str]:
    """The clients that are not on this machine."""
    return [
        name
        for name in OTHERS
        if shutil.which(name) is None and importlib.util.find_spec(name) is None
    ]


def agreed(outcomes: list[bytes | None]) -> bytes | None:
    """The body that at least three of the four have read; None if there is none."""
    for body in outcomes:
        if body is not None and outcomes.count(body) >= 3:
            return body
    return None


def shown(case: Case, outcome: bytes | None) -> str:
    if outcome is None:
        return "-"
    return "reads" if outcome == case.expected else f"`{outcome.decode('latin-1')!r:.24}`"


def row(case: Case, others: list[bytes | None], ours: bytes | None) -> str:
    cells = [case.name, *(shown(case, outcome) for outcome in others), f"**{shown(case, ours)}**"]
    return f"| {' | '.join([*cells, case.why])} |"


def main() -> None:
    titles = ["answer", *OTHERS, "reactor", "why not"]
    print(f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}", sep="\n")
    with Server([case.answer for case in CASES]) as server:
        for number, case in enumerate(CASES):
            url = f"{server.url}{number}"
            print(row(case, [read(url) for read in OTHERS.values()], by_ours(url)), flush=True)


if __name__ == "__main__":
    main()
