"""The site of test_asgi_sites.py, in Litestar."""

import asyncio
import hashlib
import os
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, WebSocket, get, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import State, UploadFile
from litestar.enums import RequestEncodingType
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import Body
from litestar.response import File, Response, Stream
from litestar.static_files import create_static_files_router

BIG = os.environ["SITE_FILE"]
done: list[str] = []


@get("/page/{name:str}", media_type=MediaType.TEXT)
async def page(name: str) -> str:
    return f"page of {name}"


@get("/query")
async def query(request: Request) -> dict[str, list[str]]:
    return {name: request.query_params.getall(name) for name in request.query_params}


@post("/form", status_code=200)
async def form(request: Request) -> dict[str, list[str]]:
    fields = await request.form()
    return {name: fields.getall(name) for name in fields}


@post("/upload", status_code=200, request_max_body_size=None)
async def upload(
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> dict[str, Any]:
    file: UploadFile = data["file"]
    return {"name": file.filename, "size": len(await file.read()), "note": data["note"]}


@post("/digest", media_type=MediaType.TEXT, status_code=200, request_max_body_size=None)
async def digest(request: Request) -> str:
    found = hashlib.sha256()
    async for piece in request.stream():
        found.update(piece)
    return found.hexdigest()


@get("/stream")
async def stream() -> Stream:
    async def pieces():
        for number in range(1000):
            yield f"piece {number}\n"

    return Stream(pieces(), media_type="text/plain")


@get("/events")
async def events() -> Stream:
    async def pieces():
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.01)

    return Stream(pieces(), media_type="text/event-stream")


@get("/session")
async def session(request: Request) -> int:
    visits = request.session.get("visits", 0) + 1
    request.set_session({"visits": visits})
    return visits


@post("/background", status_code=200)
async def background() -> Response[str]:
    async def later() -> None:
        await asyncio.sleep(0.05)
        done.append("one")

    return Response("soon", media_type=MediaType.TEXT, background=BackgroundTask(later))


@get("/finished")
async def finished() -> list[str]:
    return done


@get("/state", media_type=MediaType.TEXT)
async def state(state: State) -> str:
    return state.pool


@get("/file")
async def file() -> File:
    return File(BIG)


@get("/empty", status_code=204)
async def empty() -> None:
    return None


@get("/error")
async def error() -> None:
    raise ValueError("a secret of the application")


@websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_data(mode="text"):
        await socket.send_text(text)


def begin(app: Litestar) -> None:
    app.state.pool = "of the lifespan"


app = Litestar(
    [
        *(page, query, form, upload, digest, stream, events, session, background),
        *(finished, state, file, empty, error, echo),
        create_static_files_router(path="/static", directories=[os.path.dirname(BIG)]),
    ],
    on_startup=[begin],
    middleware=[ServerSideSessionConfig().middleware],
)
