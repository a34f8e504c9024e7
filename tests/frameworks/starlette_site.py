"""The site of test_asgi_sites.py, in Starlette."""

import asyncio
import contextlib
import hashlib
import os

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

BIG = os.environ["SITE_FILE"]
done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"pool": "of the lifespan"}


async def page(request):
    return PlainTextResponse(f"page of {request.path_params['name']}")


async def query(request):
    items = request.query_params
    return JSONResponse({name: items.getlist(name) for name in items})


async def form(request):
    async with request.form() as fields:
        return JSONResponse({name: fields.getlist(name) for name in fields})


async def upload(request):
    async with request.form() as fields:
        content = await fields["file"].read()
        return JSONResponse(
            {"name": fields["file"].filename, "size": len(content), "note": fields["note"]}
        )


async def digest(request):
    found = hashlib.sha256()
    async for piece in request.stream():
        found.update(piece)
    return PlainTextResponse(found.hexdigest())


async def stream(request):
    async def pieces():
        for number in range(1000):
            yield f"piece {number}\n"

    return StreamingResponse(pieces(), media_type="text/plain")


async def events(request):
    async def pieces():
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(pieces(), media_type="text/event-stream")


async def session(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JSONResponse(request.session["visits"])


async def background(request):
    async def later():
        await asyncio.sleep(0.05)
        done.append("one")

    return PlainTextResponse("soon", background=BackgroundTask(later))


async def finished(request):
    return JSONResponse(done)


async def state(request):
    return PlainTextResponse(request.state.pool)


async def file(request):
    return FileResponse(BIG)


async def empty(request):
    return PlainTextResponse(status_code=204)


async def error(request):
    raise ValueError("a secret of the application")


async def echo(socket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


app = Starlette(
    lifespan=lifespan,
    middleware=[Middleware(SessionMiddleware, secret_key="of a test")],
    routes=[
        Route("/page/{name}", page),
        Route("/query", query),
        Route("/form", form, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/digest", digest, methods=["POST"]),
        Route("/stream", stream),
        Route("/events", events),
        Route("/session", session),
        Route("/background", background, methods=["POST"]),
        Route("/finished", finished),
        Route("/state", state),
        Route("/file", file),
        Route("/empty", empty),
        Route("/error", error),
        WebSocketRoute("/echo", echo),
        Mount("/static", StaticFiles(directory=os.path.dirname(BIG))),
    ],
)
