"""What `worker_memory.py` asks of its site; and, run by itself, the same asked without any server.

The least that workers of this site can take: it is imported once, then forked four times, and each
child calls the application. Not one module of a server is there, and no supervisor.
"""

from __future__ import annotations

import gc
import io
import os
import sys

WORKERS = 4


def varied(number):
    """A method, a path with its query, and a body."""
    kind = number % 4
    if kind == 0:
        return "GET", f"/page/{number % 97}", b""
    if kind == 1:
        return "POST", f"/json/{number % 89}", b"x" * (number % 5000)
    if kind == 2:
        return "GET", f"/json/{number % 83}?q={number}", b""
    return "GET", "/admin/login/", b""


def call(application, number):
    from wsgiref.util import setup_testing_defaults

    method, target, body = varied(number)
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    said = []
    answer = application(environ, lambda status, fields, error=None: said.append(status))
    b"".join(answer)
    answer.close()
    if said != ["200 OK"]:
        raise OSError(f"request {number}: status {said}")


def main():
    """Says when all have had their requests, and stays until nobody reads on."""
    from site_of_bench import application

    gc.collect()
    gc.freeze()
    reader, writer = os.pipe()
    for first in range(WORKERS):
        if os.fork() == 0:
            for number in range(first, first + int(sys.argv[1])):
                call(application, number)
            os.write(writer, b".")
            sys.stdin.read()
            os._exit(0)
    for _ in range(WORKERS):
        os.read(reader, 1)
    print("done", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
