"""Applications whose bodies are made while they are sent; served by `test_streaming.py`.

``/KIND?length=N&piece=N&count=N&gate=PATH``: between two pieces the application waits until a
byte comes through the FIFO of that name. `pipe` sends the FIFO itself.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from reactor import Response

PIECE = bytes(range(256)) * 800


class ClientRequest:
    """What a request asks for."""

    def __init__(self, query):
        values = {name: found[0] for name, found in parse_qs(query).items()}
        self.size, self.count = int(values.get("piece", 0)), int(values.get("count", 0))
        self.gate = values.get("gate")
        self.fields = [("Content-Type", "text/plain")]
        if "length" in values:
            self.fields.append(("Content-Length", values["length"]))

    def pieces(self):
        with open(self.gate, "rb", buffering=0) as gate:
            for number in range(self.count):
                if number:
                    gate.read(1)
                yield PIECE[: self.size]

    def pipe(self, **how):
        return open(self.gate, "rb", **how)


def endless():
    while True:
        yield b"data: tick\n\n"


def native(request):
    asked = ClientRequest(request.query)
    kind = request.path.strip("/")
    if kind == "ok":
        return Response(200, {}, b"fine")
    if kind == "endless":
        return Response(200, {}, endless())
    return Response(200, asked.fields, asked.pipe() if kind == "pipe" else asked.pieces())


def wsgi(environ, start_response):
    asked = ClientRequest(environ["QUERY_STRING"])
    kind = environ["PATH_INFO"].strip("/")
    write = start_response("200 OK", asked.fields)
    if kind == "ok":
        return [b"fine"]
    if kind == "endless":
        return endless()
    if kind == "write":
        for piece in asked.pieces():
            write(piece)
        return []
    if kind == "mixed":
        write(PIECE[: asked.size])
        return (piece for number, piece in enumerate(asked.pieces()) if number)
    if kind in {"pipe", "raw"}:
        return environ["wsgi.file_wrapper"](asked.pipe(buffering=0 if kind == "raw" else -1))
    return asked.pieces()


KINDS = {"native": ("yield", "pipe"), "wsgi": ("yield", "write", "mixed", "pipe", "raw")}
