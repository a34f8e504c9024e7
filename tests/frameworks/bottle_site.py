"""The site of test_wsgi_frameworks.py, in Bottle."""

import io
import json
import os

from bottle import Bottle, HTTPResponse, abort, redirect, request, response, static_file

app = Bottle()
BIG = os.environ["SITE_FILE"]


def lists(values):
    return {key: values.getall(key) for key in values}


@app.get("/page/<name>")
def page(name):
    return f"page of {name}"


@app.get("/query")
def query():
    return lists(request.query.decode())


@app.get("/cookies")
def cookies():
    response.set_cookie("one", "1", httponly=True)
    response.set_cookie("two", "2")
    return dict(request.cookies)


@app.post("/form")
def form():
    return lists(request.forms.decode())


@app.post("/upload")
def upload():
    file = request.files["file"]
    return {"name": file.raw_filename, "size": len(file.file.read()), "note": request.forms.note}


@app.post("/echo")
def echo():
    response.content_type = "application/octet-stream"
    return request.body.read()


@app.get("/stream")
def stream():
    response.content_type = "text/plain"
    return (f"piece {number}\n" for number in range(1000))


@app.get("/file")
def file():
    folder, name = os.path.split(BIG)
    return static_file(name, folder, mimetype="application/octet-stream")


@app.get("/memory-file")
def memory_file():
    return io.BytesIO(b"in memory")


@app.get("/redirect")
def redirected():
    redirect("/page/target")


@app.get("/empty")
def empty():
    return HTTPResponse(status=204)


@app.get("/teapot")
def teapot():
    abort(418, "I'm a teapot")


@app.get("/error")
def error():
    raise ValueError("a secret of the application")


@app.get("/broken-stream")
def broken_stream():
    yield json.dumps("first")
    raise ValueError("in the middle")
