"""ASGI frameworks, as their users serve them; each is tried where it is installed."""

import http.client
import json

import pytest
from processes import eventually, serving

DJANGO = """
import asyncio
import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, LOGGING_CONFIG=None, SECRET_KEY="x",
                   DATA_UPLOAD_MAX_MEMORY_SIZE=None)
django.setup()
finished = []
request_finished.connect(lambda **kwargs: finished.append(1), weak=False)

def sync(request):
    return HttpResponse("sync " + request.GET.get("q", ""))

async def waits(request):
    await asyncio.sleep(0.2)
    return HttpResponse("waited")

async def stream(request):
    async def pieces():
        for number in range(3):
            await asyncio.sleep(0.01)
            yield f"{number};"
    return StreamingHttpResponse(pieces())

async def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"name": file.name, "size": file.size})

def count(request):
    return JsonResponse({"finished": len(finished)})

urlpatterns = [path("sync", sync), path("waits", waits), path("stream", stream),
               path("upload", upload), path("count", count)]
app = get_asgi_application()
"""

STARLETTE = """
import asyncio
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

seen = []

@asynccontextmanager
async def lifespan(app):
    yield {"pool": "made"}

def sync(request):
    return PlainTextResponse("sync " + request.query_params.get("q", ""))

async def waits(request):
    await asyncio.sleep(0.2)
    return PlainTextResponse("waited")

async def stream(request):
    async def pieces():
        for number in range(3):
            yield f"{number};"
    return StreamingResponse(pieces(), background=BackgroundTask(seen.append, "background"))

async def upload(request):
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return JSONResponse({"size": size})

async def page(request):
    return FileResponse(__file__)

async def state(request):
    return JSONResponse({"pool": request.state.pool, "seen": seen})

app = Starlette(lifespan=lifespan, routes=[
    Route("/sync", sync), Route("/waits", waits), Route("/stream", stream), Route("/file", page),
    Route("/upload", upload, methods=["POST"]), Route("/state", state)])
"""

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    + b"y" * 3_000_000
    + b"\r\n--b--\r\n"
)


class Client:
    """One connection that stays, as long as its block runs."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection(*server.address, timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.connection.close()

    def ask(self, path, method="GET", body=None, **headers):
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return response.status, response.read()


def site(tmp_path, name, source):
    pytest.importorskip(name)
    (tmp_path / "site_of_it.py").write_text(source)
    return serving("site_of_it:app", "--no-access-log", cwd=tmp_path)


def test_django(tmp_path):
    with site(tmp_path, "django", DJANGO) as server, Client(server) as client:
        assert client.ask("/sync?q=1") == (200, b"sync 1")
        assert client.ask("/waits") == (200, b"waited")
        assert client.ask("/stream") == (200, b"0;1;2;")
        status, body = client.ask(
            "/upload", "POST", FORM, **{"Content-Type": "multipart/form-data; boundary=b"}
        )
        assert (status, json.loads(body)) == (200, {"name": "a.bin", "size": 3_000_000})
        # gunicorn#3484: clients that go halfway; each of their requests is finished all the same.
        for _ in range(50):
            with server.connect() as sock:
                sock.sendall(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(
            lambda: json.loads(client.ask("/count")[1])["finished"] >= 54, "all are finished"
        )
        assert "ERROR" not in server.err


def test_starlette(tmp_path):
    with site(tmp_path, "starlette", STARLETTE) as server, Client(server) as client:
        assert client.ask("/sync?q=1") == (200, b"sync 1")
        assert client.ask("/waits") == (200, b"waited")
        assert client.ask("/stream") == (200, b"0;1;2;")
        assert client.ask("/file") == (200, (tmp_path / "site_of_it.py").read_bytes())
        assert json.loads(client.ask("/upload", "POST", b"x" * 5_000_000)[1]) == {"size": 5_000_000}
        assert json.loads(client.ask("/state")[1]) == {"pool": "made", "seen": ["background"]}
        assert "ERROR" not in server.err
