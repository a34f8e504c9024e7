"""A server in a test: on a free port, in a thread, and gone when the test is over. Where reactor is
installed, pytest has a fixture for it too: `reactor_server(app)` (docs/embedding.md).

python -m pytest docs/examples/embedded.py
"""

from reactor import Response, Server, get


def app(request):
    return Response(200, {"Content-Type": "text/plain"}, f"{request.method} {request.path}")


def test_it_says_what_was_asked():
    with Server(app, port=0) as server:
        response = get(f"{server.urls[0]}a/b")
    assert (response.status, response.body) == (200, b"GET /a/b")
