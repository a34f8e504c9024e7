"""Applications that break PEP 3333 or HTTP, each in one way; served as ``wsgi_faults:app``.

`FAULTS` says of each what must come of it:

    500      a whole response with that status, then the end of the connection
    abort    the connection ends before the response does, behind the part that was sent
    end      the same, or the connection ends behind a whole response
    200, 204, 304    no fault of framing: a whole response, and the connection goes on
"""

from __future__ import annotations

import wsgi_faults_bodies  # noqa: F401 - registers its applications
import wsgi_faults_heads  # noqa: F401 - registers its applications
from wsgi_faulty import FAULTS, PLAIN


def app(environ, start_response):
    """Runs the fault that the path names; ``/ok`` answers, whatever went before."""
    name = environ["PATH_INFO"].strip("/")
    if name == "ok":
        start_response("200 OK", [*PLAIN, ("Content-Length", "4")])
        return [b"fine"]
    return FAULTS[name][1](environ, start_response)
