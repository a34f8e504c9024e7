"""What the tests of WSGI and ASGI frameworks share: where the sites are, and how to ask them."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from pathlib import Path

from processes import PATIENCE_S

SITES = Path(__file__).parent / "frameworks"
FILE = bytes(range(256)) * 8192


def big_file(tmp_path_factory):
    """The file that every site serves."""
    path = tmp_path_factory.mktemp("files") / "big.bin"
    path.write_bytes(FILE)
    return path


@contextmanager
def connected(site):
    connection = http.client.HTTPConnection(*site.address, timeout=PATIENCE_S)
    yield connection
    connection.close()


def ask(client, path, body=None, headers=None, method=None):
    """(status, headers, body) of one request on the kept-alive connection."""
    client.request(method or ("GET" if body is None else "POST"), path, body, headers or {})
    response = client.getresponse()
    return response.status, response.headers, response.read()


def multipart(*parts):
    """A multipart/form-data body: (name, file name or None, content) each."""
    boundary = b"----boundary7MA4YWxk"
    body = b""
    for name, file_name, content in parts:
        disposition = b'form-data; name="%s"' % name
        if file_name is not None:
            disposition += b'; filename="%s"\r\nContent-Type: application/octet-stream' % file_name
        body += b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (boundary, disposition, content)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    return body + b"--%s--\r\n" % boundary, headers
