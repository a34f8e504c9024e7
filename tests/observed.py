"""Servers with ``--metrics``: what their second listener says."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct

from processes import PATIENCE_S, eventually, serving

_RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: closing sends one


def where(server):
    """The address of the metrics of a server that was started with ``--metrics 127.0.0.1:0``."""

    def said():
        return re.search(r"metrics and status on http://127\.0\.0\.1:(\d+)/", server.err)

    return "127.0.0.1", int(eventually(said, "the server says where its metrics are")[1])


def observed(*arguments, **options):
    return serving(*arguments, "--metrics", "127.0.0.1:0", **options)


def ask(address, path="/metrics", method="GET", **headers):
    """(status, fields, body) of an answer."""
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def values(text):
    """The samples of a text for Prometheus, by what stands before the value."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def scrape(server):
    status, _, body = ask(where(server))
    assert status == 200
    return values(body.decode())


def status_of(server):
    return json.loads(ask(where(server), "/status?json")[2])


def counted(server, name, amount):
    """Wait until a sample says so; the scrape that did."""

    def found():
        got = scrape(server)
        return got if got.get(name) == amount else None

    return eventually(found, f"{name} is {amount}")


def leave(*clients):
    """Without a word: a client that only ends its side may still read."""
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.close()
