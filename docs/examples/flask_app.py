"""A Flask application, unchanged. `--static` serves its files beside it, without Python.

python -m reactor serve --app-dir docs/examples flask_app:app --static /static=FOLDER
"""

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def greet():
    return f"Hello, {request.args.get('name', 'nobody')}!\n"


@app.post("/notes")
def take():
    return {"words": len(request.get_json()["text"].split())}, 201
