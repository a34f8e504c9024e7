"""The ASGI application that both servers of `test_asgi_uvicorn` serve.

The first part of a path says what it does. What it sees it notes under the path, and ``/seen/PATH``
gives the notes as JSON.
"""

import asyncio
import contextvars
import json
import os

NOTES = {}
DOES = {}
CONTEXT = contextvars.ContextVar("CONTEXT", default="fresh")
LIFESPAN = os.environ.get("PROBE_LIFESPAN", "complete complete")


def does(function):
    DOES[function.__name__] = function
    return function


def note(scope, value):
    NOTES.setdefault(scope["path"][1:], []).append(value)


def name_of(scope):
    return scope["path"].strip("/").partition("/")[0]


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    act = DOES.get(name_of(scope), whole)
    if scope["type"] == "websocket":
        act = DOES["ws_" + name_of(scope)]
    return await act(scope, receive, send)


async def lifespan(scope, receive, send):
    startup, shutdown = LIFESPAN.split()
    if startup == "early":
        raise RuntimeError("no lifespan")
    if startup == "return":
        return
    for phase, how in (("startup", startup), ("shutdown", shutdown)):
        await receive()
        scope["state"]["made"] = "at startup"
        CONTEXT.set("of the lifespan")
        if how == "raise":
            raise RuntimeError("no database")
        await send({"type": f"lifespan.{phase}.{how}"})


async def start(send, status=200, *headers):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def body(send, content=b"", more=False):
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def whole(scope, receive, send, status=200, content=b"whole"):
    await start(send, status, (b"content-length", b"%d" % len(content)))
    await body(send, content)


async def tried(scope, *awaited):
    """Whether each can be done: the kind of the exception of the first that cannot."""
    for one in awaited:
        try:
            await one
        except OSError:
            note(scope, "OSError")
        except Exception:
            note(scope, "exception")
        else:
            note(scope, "done")


def shown(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return "a function" if callable(value) else value


@does
async def seen(scope, receive, send):
    name = scope["path"].partition("/seen/")[2]
    content = json.dumps(NOTES.get(name, [])).encode()
    await whole(scope, receive, send, content=content)


@does
async def scope(scope, receive, send):
    await whole(scope, receive, send, content=json.dumps(shown(scope)).encode())


DOES["mounted"] = DOES["*"] = DOES["caf\xe9"] = DOES["caf\ufffd"] = scope


@does
async def context(scope, receive, send):
    before = CONTEXT.get()
    CONTEXT.set("of a request")
    await asyncio.sleep(0)
    await whole(scope, receive, send, content=before.encode())


# --- receive ------------------------------------------------------------------------------


@does
async def first(scope, receive, send):
    await whole(scope, receive, send, content=json.dumps(shown(await receive())).encode())


@does
async def upload(scope, receive, send):
    content, more, last = b"", True, {}
    while more:
        last = await receive()
        content += last.get("body", b"")
        more = last.get("more_body", False)
    note(scope, last["type"])
    note(scope, len(content))
    await whole(scope, receive, send, content=content[-10:])


@does
async def again(scope, receive, send):
    """What `receive` gives when the body is read and nothing has been answered."""
    await receive()
    note(scope, "asks")
    note(scope, (await receive())["type"])


@does
async def after(scope, receive, send):
    """...and when all is answered."""
    await receive()
    await whole(scope, receive, send)
    for _ in range(3):
        note(scope, (await receive())["type"])


@does
async def half(scope, receive, send):
    await receive()
    note(scope, (await receive())["type"])
    await whole(scope, receive, send, content=b"for half a client")


@does
async def gone(scope, receive, send):
    """An answer in one, for a client that has gone."""
    await receive()
    note(scope, "asked")
    note(scope, (await receive())["type"])
    await tried(scope, start(send, 200, (b"content-length", b"3")), body(send, b"abc"))


@does
async def gone_stream(scope, receive, send):
    await receive()
    await start(send)
    await body(send, b"first", True)
    note(scope, "began")
    note(scope, (await receive())["type"])
    await tried(scope, body(send, b"second", True))


@does
async def unread(scope, receive, send):
    await whole(scope, receive, send)


# --- send ---------------------------------------------------------------------------------


@does
async def raises(scope, receive, send):
    raise RuntimeError("before the start")


@does
async def raises_started(scope, receive, send):
    await start(send)
    raise RuntimeError("between start and body")


@does
async def raises_streaming(scope, receive, send):
    await start(send)
    await body(send, b"part", True)
    raise RuntimeError("within the body")


@does
async def raises_after(scope, receive, send):
    await whole(scope, receive, send)
    raise RuntimeError("after the answer")


@does
async def returns(scope, receive, send):
    pass


@does
async def returns_started(scope, receive, send):
    await start(send)


@does
async def starts_twice(scope, receive, send):
    await start(send)
    await start(send)


@does
async def returns_streaming(scope, receive, send):
    await start(send)
    await body(send, b"part", True)


@does
async def returns_value(scope, receive, send):
    await whole(scope, receive, send)
    return "a value"


@does
async def longer(scope, receive, send):
    await start(send, 200, (b"content-length", b"3"))
    await body(send, b"12345")


@does
async def longer_streamed(scope, receive, send):
    await start(send, 200, (b"content-length", b"3"))
    await body(send, b"123", True)
    await body(send, b"45")


@does
async def shorter(scope, receive, send):
    await start(send, 200, (b"content-length", b"5"))
    await body(send, b"123")


@does
async def unsized(scope, receive, send):
    await start(send)
    await body(send, b"unsized")


@does
async def empty(scope, receive, send):
    await start(send)
    await body(send)


@does
async def streamed(scope, receive, send):
    await start(send)
    for piece in (b"one", b"", b"two"):
        await body(send, piece, True)
    await body(send)


@does
async def streamed_sized(scope, receive, send):
    await start(send, 200, (b"content-length", b"6"))
    await body(send, b"one", True)
    await body(send, b"two")


@does
async def status(scope, receive, send):
    """/status/204/sized or /unsized: a body with a status that has none."""
    code, kind = scope["path"].split("/")[2:]
    sized = [(b"content-length", b"4")] if kind == "sized" else []
    await start(send, int(code), *sized)
    await body(send, b"" if kind == "empty" else b"body")


async def nonsense(send):
    await send({"type": "http.response.nonsense"})


@does
async def misused(scope, receive, send):
    """Sends what is out of order; then answers."""
    kind = scope["path"].split("/")[2]
    ahead = {
        "body-first": lambda: body(send, b"x"),
        "unknown": lambda: nonsense(send),
        "text-status": lambda: start(send, "200"),
        "text-fields": lambda: start(send, 200, ("name", "value")),
        "line-feed": lambda: start(send, 200, (b"name", b"a\r\nInjected: yes")),
        "interim": lambda: start(send, 100),
    }
    if kind in ahead:
        await tried(scope, ahead[kind]())
    if kind == "twice":
        await start(send)
        await tried(scope, start(send))
        await body(send, b"once")
    elif kind == "complete":
        await whole(scope, receive, send)
        await tried(scope, body(send, b"more"))
    elif NOTES[scope["path"][1:]][-1] != "done":
        await whole(scope, receive, send)


@does
async def fields(scope, receive, send):
    await start(
        send,
        200,
        *[(b"X-One", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        (b"content-length", b"2"),
    )
    await body(send, b"ok")


@does
async def framed(scope, receive, send):
    await start(send, 200, (b"transfer-encoding", b"chunked"))
    await body(send, b"framed")


@does
async def closes(scope, receive, send):
    await start(send, 200, (b"connection", b"close"), (b"content-length", b"2"))
    await body(send, b"ok")


@does
async def slow(scope, receive, send):
    note(scope, "asked")
    await asyncio.sleep(0.5)
    await whole(scope, receive, send)


@does
async def view(scope, receive, send):
    await start(send, 200, (b"content-length", b"3"))
    await body(send, bytearray(b"abc"))


# --- WebSocket ----------------------------------------------------------------------------


@does
async def ws_scope(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(shown(scope))})
    await receive()


@does
async def ws_echo(scope, receive, send):
    note(scope, (await receive())["type"])
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            note(scope, [message["type"], message["code"], message.get("reason") or ""])
            await tried(scope, send({"type": "websocket.send", "text": "late"}))
            return
        message["type"] = "websocket.send"
        await send(message)


DOES["ws_mounted"] = DOES["ws_scope"]
for name in ("code", "bare", "reset", "ping", "stop", "large", "unmasked", "cut"):
    DOES[f"ws_{name}"] = ws_echo


@does
async def ws_fields(scope, receive, send):
    await receive()
    await send(
        {
            "type": "websocket.accept",
            "subprotocol": (scope["subprotocols"] or [None])[-1],
            "headers": [(b"x-one", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
        }
    )
    await send({"type": "websocket.close"})


@does
async def ws_closes(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
    await tried(scope, send({"type": "websocket.send", "text": "late"}))
    message = await receive()
    note(scope, [message["type"], message["code"]])


@does
async def ws_closes_bare(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


@does
async def ws_returns(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})


@does
async def ws_raises(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    raise RuntimeError("after accept")


@does
async def ws_returns_early(scope, receive, send):
    await receive()


@does
async def ws_raises_early(scope, receive, send):
    raise RuntimeError("before accept")


@does
async def ws_refuses(scope, receive, send):
    await receive()
    await send({"type": "websocket.close", "code": 4001})
    message = await receive()
    note(scope, [message["type"], message["code"]])


@does
async def ws_denies(scope, receive, send):
    await receive()
    await send(
        {
            "type": "websocket.http.response.start",
            "status": 401,
            "headers": [(b"x-one", b"1"), (b"content-length", b"6")],
        }
    )
    await send({"type": "websocket.http.response.body", "body": b"who", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"are"})
    message = await receive()
    note(scope, [message["type"], message["code"]])


@does
async def ws_hasty(scope, receive, send):
    await receive()
    await tried(scope, send({"type": "websocket.send", "text": "before accept"}))
    await send({"type": "websocket.accept"})
    await tried(scope, send({"type": "websocket.accept"}))
