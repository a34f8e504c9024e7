"""A handler: a function from a request to a response.

python -m reactor serve --app-dir docs/examples handler:app
"""

import json

from reactor import Response

ROOMS = {"attic": 17.5, "cellar": 12.0}


def app(request):
    if request.path == "/rooms":
        if request.method == "POST":
            ROOMS.update(json.loads(request.body))
        return Response(200, {"Content-Type": "application/json"}, json.dumps(ROOMS))
    name = request.path.rpartition("/")[2]
    if name not in ROOMS:
        return Response(404, {"Content-Type": "text/plain"}, f"no room is called {name}\n")
    return Response(200, {"Content-Type": "text/plain"}, f"{ROOMS[name]} degrees\n")
