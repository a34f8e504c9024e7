"""The site of test_asgi_sites.py, in Quart."""

import asyncio
import hashlib
import os

from quart import Quart, current_app, jsonify, request, send_file, session
from quart import websocket as socket

BIG = os.environ["SITE_FILE"]
done = []
app = Quart(__name__, static_folder=os.path.dirname(BIG), static_url_path="/static")
app.secret_key = "of a test"
app.config["MAX_CONTENT_LENGTH"] = None


@app.before_serving
async def begin():
    app.pool = "of the lifespan"


@app.get("/page/<name>")
async def page(name):
    return f"page of {name}"


@app.get("/query")
async def query():
    return jsonify(request.args.to_dict(flat=False))


@app.post("/form")
async def form():
    return jsonify((await request.form).to_dict(flat=False))


@app.post("/upload")
async def upload():
    file = (await request.files)["file"]
    note = (await request.form)["note"]
    return jsonify(name=file.filename, size=len(file.read()), note=note)


@app.post("/digest")
async def digest():
    found = hashlib.sha256()
    async for piece in request.body:
        found.update(piece)
    return found.hexdigest()


@app.get("/stream")
async def stream():
    async def pieces():
        for number in range(1000):
            yield f"piece {number}\n".encode()

    return pieces(), 200, {"Content-Type": "text/plain"}


@app.get("/events")
async def events():
    async def pieces():
        for number in range(3):
            yield f"data: {number}\n\n".encode()
            await asyncio.sleep(0.01)

    return pieces(), 200, {"Content-Type": "text/event-stream"}


@app.get("/session")
async def visits():
    session["visits"] = session.get("visits", 0) + 1
    return jsonify(session["visits"])


@app.post("/background")
async def background():
    async def later():
        await asyncio.sleep(0.05)
        done.append("one")

    app.add_background_task(later)
    return "soon"


@app.get("/finished")
async def finished():
    return jsonify(done)


@app.get("/state")
async def state():
    return current_app.pool


@app.get("/file")
async def file():
    return await send_file(BIG)


@app.get("/empty")
async def empty():
    return "", 204


@app.get("/error")
async def error():
    raise ValueError("a secret of the application")


@app.websocket("/echo")
async def echo():
    while True:
        await socket.send(await socket.receive())
