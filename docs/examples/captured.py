"""The parser alone: requests out of captured bytes, and where one breaks a rule.

python docs/examples/captured.py FILE
"""

import sys

from reactor import Body, End, RemoteProtocolError, Request, RequestParser


def read(data):
    parser = RequestParser()
    parser.feed(data)
    try:
        while (event := parser.next()) is not None:
            match event:
                case Request():
                    yield f"{event.method} {event.target} {len(event.body)} bytes"
                case Body(data=part):
                    yield f"  and {len(part)} bytes"
                case End(trailers=trailers):
                    yield f"  its end, {len(trailers)} trailers"
    except RemoteProtocolError as error:
        yield f"{error.status} at byte {error.offset}: {error.code}"
    if parser.buffered:
        yield f"{parser.buffered} bytes are not a whole request"


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        for line in read(file.read()):
            print(line)
