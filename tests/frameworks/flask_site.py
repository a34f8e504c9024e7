"""The site of test_wsgi_frameworks.py, in Flask."""

import io
import os

from flask import Flask, Response, abort, jsonify, make_response, redirect, request, send_file

app = Flask(__name__)
BIG = os.environ["SITE_FILE"]


@app.get("/page/<name>")
def page(name):
    return f"page of {name}"


@app.get("/query")
def query():
    return jsonify(request.args.to_dict(flat=False))


@app.get("/cookies")
def cookies():
    response = make_response(jsonify(request.cookies.to_dict()))
    response.set_cookie("one", "1", httponly=True)
    response.set_cookie("two", "2")
    return response


@app.post("/form")
def form():
    return jsonify(request.form.to_dict(flat=False))


@app.post("/upload")
def upload():
    file = request.files["file"]
    return jsonify(name=file.filename, size=len(file.read()), note=request.form["note"])


@app.post("/echo")
def echo():
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.get("/stream")
def stream():
    return Response((f"piece {number}\n" for number in range(1000)), mimetype="text/plain")


@app.get("/file")
def file():
    return send_file(BIG, mimetype="application/octet-stream")


@app.get("/memory-file")
def memory_file():
    return send_file(io.BytesIO(b"in memory"), download_name="m.txt")


@app.get("/redirect")
def redirected():
    return redirect("/page/target")


@app.get("/empty")
def empty():
    return "", 204


@app.get("/teapot")
def teapot():
    abort(418)


@app.get("/error")
def error():
    raise ValueError("a secret of the application")


@app.get("/broken-stream")
def broken_stream():
    def pieces():
        yield "first"
        raise ValueError("in the middle")

    return Response(pieces())
