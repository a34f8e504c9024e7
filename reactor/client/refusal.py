"""What a server says of a refusal, in a sentence: the first line of a short text.

A server that knows what is wrong says so in the body of its answer, which is no file that anybody
wanted. Must never show what a peer sent as it is: it could drive a terminal.
"""

from __future__ import annotations

from reactor.http.ascii import lower
from reactor.parser._message import Response

# What is longer is a page for a browser.
TEXT_BYTES_MAX = 1024
_LINE_CHARACTERS_MAX = 200


def reason_in(response: Response, body: bytes) -> str:
    """``": "`` and that line, or "" if there is none; ``body`` is all of it, if it is short.

    >>> reason_in(Response(403, {"Content-Type": "text/plain"}), b"ask \\x1b[1mAnn\\nfor it")
    ': ask [1mAnn'
    """
    kind = lower((response.headers.get("content-type") or "").partition(";")[0].strip())
    coded = "content-encoding" in response.headers
    if kind != "text/plain" or coded or len(body) > TEXT_BYTES_MAX:
        return ""
    line = body.decode("utf-8", "replace").strip().partition("\n")[0]
    line = "".join(filter(str.isprintable, line)).strip()
    if lower(line.rstrip(".")) in {lower(text) for text in _said_already(response)}:
        return ""
    cut = line[:_LINE_CHARACTERS_MAX]
    return f": {cut}{'...' if cut != line else ''}"


def _said_already(response: Response) -> tuple[str, ...]:
    """The status is in the sentence, and its reason says nothing more."""
    status, reason = response.status, response.reason
    return "", str(status), reason, f"{status} {reason}", f"{status}: {reason}"
