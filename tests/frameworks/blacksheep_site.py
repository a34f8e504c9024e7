"""The site of test_asgi_sites.py, in BlackSheep."""

import asyncio
import hashlib
import os

from blacksheep import (
    Application,
    Request,
    Response,
    StreamedContent,
    WebSocket,
    WebSocketDisconnectError,
    file,
    json,
    no_content,
    text,
)
from blacksheep.server.routing import Router

BIG = os.environ["SITE_FILE"]
done = []
tasks = set()
router = Router()
app = Application(router=router)
app.use_sessions("of a test")
app.serve_files(os.path.dirname(BIG), root_path="static", extensions={".bin"})


@app.on_start
async def begin(application):
    application.pool = "of the lifespan"


@router.get("/page/{name}")
async def page(name: str):
    return text(f"page of {name}")


@router.get("/query")
async def query(request: Request):
    return json(request.query)


@router.post("/form")
async def form(request: Request):
    return json(await request.form())


@router.post("/upload")
async def upload(request: Request):
    parts = {part.name: part for part in await request.multipart()}
    part = parts[b"file"]
    return json(
        {
            "name": part.file_name.decode(),
            "size": len(part.data),
            "note": parts[b"note"].data.decode(),
        }
    )


@router.post("/digest")
async def digest(request: Request):
    found = hashlib.sha256()
    async for piece in request.stream():
        found.update(piece)
    return text(found.hexdigest())


@router.get("/stream")
async def stream():
    async def pieces():
        for number in range(1000):
            yield f"piece {number}\n".encode()

    return Response(200, content=StreamedContent(b"text/plain", pieces))


@router.get("/events")
async def events():
    async def pieces():
        for number in range(3):
            yield f"data: {number}\n\n".encode()
            await asyncio.sleep(0.01)

    return Response(200, content=StreamedContent(b"text/event-stream", pieces))


@router.get("/session")
async def session(request: Request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return json(request.session["visits"])


@router.post("/background")
async def background():
    async def later():
        await asyncio.sleep(0.05)
        done.append("one")

    task = asyncio.create_task(later())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return text("soon")


@router.get("/finished")
async def finished():
    return json(done)


@router.get("/state")
async def state():
    return text(app.pool)


@router.get("/file")
async def big():
    return file(BIG, content_type="application/octet-stream")


@router.get("/empty")
async def empty():
    return no_content()


@router.get("/error")
async def error():
    raise ValueError("a secret of the application")


@router.ws("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnectError:
        pass
