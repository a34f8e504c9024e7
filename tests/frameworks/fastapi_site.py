"""The site of test_asgi_sites.py, in FastAPI."""

import asyncio
import contextlib
import hashlib
import os
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Form, Query, Request, UploadFile, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.sessions import SessionMiddleware

BIG = os.environ["SITE_FILE"]
done = []


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"pool": "of the lifespan"}


app = FastAPI(lifespan=lifespan)
app.add_middleware(SessionMiddleware, secret_key="of a test")
app.mount("/static", StaticFiles(directory=os.path.dirname(BIG)))


@app.get("/page/{name}", response_class=PlainTextResponse)
def page(name: str) -> str:  # in a thread of a pool
    return f"page of {name}"


@app.get("/query")
async def query(a: Annotated[list[str], Query()], b: Annotated[list[str], Query()]):
    return {"a": a, "b": b}


@app.post("/form")
async def form(a: Annotated[list[str], Form()], b: Annotated[list[str], Form()]):
    return {"a": a, "b": b}


@app.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()]):
    return {"name": file.filename, "size": len(await file.read()), "note": note}


@app.post("/digest", response_class=PlainTextResponse)
async def digest(request: Request):
    found = hashlib.sha256()
    async for piece in request.stream():
        found.update(piece)
    return found.hexdigest()


@app.get("/stream")
def stream():
    pieces = (f"piece {number}\n" for number in range(1000))  # each from a thread
    return StreamingResponse(pieces, media_type="text/plain")


@app.get("/events")
async def events():
    async def pieces():
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(pieces(), media_type="text/event-stream")


@app.get("/session")
async def session(request: Request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return request.session["visits"]


@app.post("/background", response_class=PlainTextResponse)
async def background(tasks: BackgroundTasks):
    async def later():
        await asyncio.sleep(0.05)
        done.append("one")

    tasks.add_task(later)
    return "soon"


@app.get("/finished")
async def finished():
    return done


@app.get("/state", response_class=PlainTextResponse)
async def state(request: Request):
    return request.state.pool


@app.get("/file")
async def file():
    return FileResponse(BIG)


@app.get("/empty", status_code=204)
async def empty():
    return Response(status_code=204)


@app.get("/error")
async def error():
    raise ValueError("a secret of the application")


@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)
