"""A client that uploads to a server that takes it slowly: it can answer only what it has."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest
from processes import PATIENCE_S

from reactor import Client
from reactor.errors import FetchError
from reactor.limits import CLIENT_LIMITS

SIZE = 2_000_000  # our kernel takes all of it at once
TIME_OUT_S = 0.3
PIECE, PAUSE_S = 16_384, 0.01  # all of it takes several of these
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Origin:
    """Takes so much of a request at this pace; then it answers, or says nothing."""

    def __init__(self, size, answers=True):
        self.size, self.answers = size, answers
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(PATIENCE_S)
        self.listener.close()

    def serve(self):
        sock, _ = self.listener.accept()
        with sock, suppress(OSError):
            received = 0
            while received < self.size:
                data = sock.recv(PIECE)
                if not data:
                    return
                received += len(data)
                time.sleep(PAUSE_S)
            if self.answers:
                sock.sendall(ANSWER)
            self.over.wait(PATIENCE_S)


def upload(url):
    limits = CLIENT_LIMITS.replace(response_timeout_s=TIME_OUT_S, retries_max=0)
    with Client(limits=limits) as client:
        return client.request("POST", url, data=bytes(SIZE))


def test_it_is_answered():
    with Origin(SIZE) as url:
        assert upload(url).body == b"ok"


@pytest.mark.parametrize("size", [SIZE, SIZE // 4])
def test_one_that_has_stopped_is_given_up(size):
    with Origin(size, answers=False) as url, pytest.raises(FetchError):
        upload(url)
