from reactor.parser._message import Request

def plain_get(request: Request) -> tuple[str, object] | None:
    """What the answer depends on: the target without its query, and the Accept-Encoding fields.

    These can only be compared. None if it is no GET, or has a condition or a range.
    """
