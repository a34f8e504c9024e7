"""Where ours differs from uvicorn: the table of docs/asgi.md, with what each of the two does.

first column of the table -> {behaviour: (ours, uvicorn's)}
"""

DISCONNECT = ["http.disconnect"]
KEPT, ENDED = True, False
SIGTERM = -15
STATE = {"made": "at startup"}


def sized(content, alive=KEPT, connection=None):
    fields = {"content-length": str(len(content))}
    if connection:
        fields["connection"] = connection
    return 200, fields, content, alive


CHUNKED = {"transfer-encoding": "chunked"}
CHUNKED_CLOSE = {"connection": "close", **CHUNKED}

DIFFERENCES = {
    "`spec_version`": {"spec_version": ("2.5", "2.3")},
    "extensions": {
        "extensions": (
            [
                *("http.response.early_hint", "http.response.pathsend"),
                *("http.response.trailers", "http.response.zerocopysend", "reactor"),
            ],
            [],
        ),
        "ws_extensions": (["reactor", "websocket.http.response"], ["websocket.http.response"]),
    },
    "white space behind a field's value": {"white_space_behind_a_value": ("spaced", "spaced \t")},
    "an answer in one piece without a length": {
        "answer[unsized]": (sized("unsized"), (200, CHUNKED, "unsized", KEPT)),
        "answer[empty]": (sized(""), (200, CHUNKED, "", KEPT)),
        "answer[framed]": (sized("framed"), (200, CHUNKED, "framed", KEPT)),
        "answer_to_head[unsized]": ((200, {"content-length": "7"}, "", KEPT), (200, {}, "", KEPT)),
        "answer_to_head[framed]": (
            (200, {"content-length": "6"}, "", KEPT),
            (200, CHUNKED, "", KEPT),
        ),
        "status[205/empty]": ((205, {"content-length": "0"}, "", KEPT), (205, CHUNKED, "", KEPT)),
    },
    "an answer to HTTP/1.0 without a length": {
        "answer_to_1_0[unsized]": (
            sized("unsized", ENDED, "close"),
            (200, CHUNKED_CLOSE, "unsized", ENDED),
        ),
        "answer_to_1_0[streamed]": (
            (200, {"connection": "close"}, "onetwo", ENDED),
            (200, CHUNKED_CLOSE, "onetwo", ENDED),
        ),
        "kept_alive_1_0[unsized]": (
            sized("unsized", KEPT, "keep-alive"),
            (200, CHUNKED_CLOSE, "unsized", ENDED),
        ),
        "kept_alive_1_0[streamed]": (
            (200, {"connection": "close"}, "onetwo", ENDED),
            (200, CHUNKED_CLOSE, "onetwo", ENDED),
        ),
    },
    "an exception between start and body, a second start, a return without a body": {
        "failure[raises_started]": ((500, ENDED), (200, ENDED)),
        "failure[returns_started]": ((500, ENDED), (200, ENDED)),
        "failure[starts_twice]": ((500, ENDED), (200, ENDED)),
    },
    "an exception or a value returned after the answer": {
        "late_failure[raises_after]": (sized("whole"), sized("whole", ENDED)),
        "late_failure[returns_value]": (sized("whole"), sized("whole", ENDED)),
    },
    "a message that `send` refuses": {
        f"misuse[{kind}]": ((["exception"], (200, KEPT)), (["exception"], "nothing"))
        for kind in ("text-status", "text-fields", "line-feed")
    },
    "a status under 200": {
        "misuse[interim]": ((["exception"], (200, KEPT)), (["done"], "nothing"))
    },
    "a half-closed client": {
        "half_closed": (("for half a client", DISCONNECT), (None, DISCONNECT)),
    },
    "a piece for a client that was reset": {
        "stream_to_nobody": (["began", *DISCONNECT, "OSError"], ["began", *DISCONNECT, "done"])
    },
    "a body longer or shorter than its Content-Length": {
        "wrong_length[longer]": (
            (500, ENDED),
            (200, {"content-length": "3"}, ("broken", ""), ENDED),
        ),
        "wrong_length[shorter]": (
            (500, ENDED),
            (200, {"content-length": "5"}, ("broken", "123"), ENDED),
        ),
    },
    "204 or 304 with a body": {
        "status[204/unsized]": ((204, {}, "", KEPT), (204, {}, "", ENDED)),
        "status[304/unsized]": ((304, {}, "", KEPT), (304, {}, "", ENDED)),
        "status[304/sized]": (
            (304, {"content-length": "4"}, "", KEPT),
            (304, {"content-length": "4"}, "", ENDED),
        ),
    },
    "an exception in the lifespan after its start was received": {
        "lifespan[startup_raises]": ((False, None, 3), (True, STATE, SIGTERM)),
    },
    "the exit code after SIGTERM": {
        "lifespan[complete]": ((True, STATE, 0), (True, STATE, SIGTERM)),
        "lifespan[without_one]": ((True, {}, 0), (True, {}, SIGTERM)),
        "lifespan[returns]": ((True, {}, 0), (True, {}, SIGTERM)),
        "lifespan[off]": ((True, {}, 0), (True, {}, SIGTERM)),
        "lifespan[shutdown_failed]": ((True, STATE, 1), (True, STATE, SIGTERM)),
        "lifespan[shutdown_raises]": ((True, STATE, 1), (True, STATE, SIGTERM)),
    },
    "a WebSocket whose application raises / returns after accept": {
        "ws_end[returns]": ([("close", 1000, ""), "end"], ["end"]),
        "ws_end[raises]": ([("close", 1011, ""), "end"], ["end"]),
        "ws_out_of_order": (
            ([("close", 1000, ""), "end"], ["exception", "exception"]),
            (["end"], ["exception", "exception"]),
        ),
    },
    "a WebSocket that is reset, or ends without a Close": {
        name: (
            ["websocket.connect", ["websocket.disconnect", 1006, ""], "OSError"],
            ["websocket.connect", ["websocket.disconnect", 1005, ""], "OSError"],
        )
        for name in ("ws_reset", "ws_cut")
    },
    "the Close that answers a client's": {
        "ws_close_of_the_client[0fa2676f6e65]": tuple(
            (
                [("close", 4002, reason), "end"],
                ["websocket.connect", ["websocket.disconnect", 4002, "gone"], "OSError"],
            )
            for reason in ("", "gone")
        ),
    },
    "`send` after the application's own `websocket.close`": {
        "ws_after_its_close": (
            ["OSError", ["websocket.disconnect", 4001]],
            ["exception", ["websocket.disconnect", 4001]],
        ),
    },
    "a WebSocket that is refused": {
        "ws_refused": tuple(
            ((403, alive), [["websocket.disconnect", 1006]]) for alive in (KEPT, ENDED)
        ),
        "ws_denied": tuple(
            ((401, "whoare", alive), True, [["websocket.disconnect", 1006]])
            for alive in (KEPT, ENDED)
        ),
        "ws_bad_handshake[Sec-WebSocket-Key]": (((400, KEPT), []), ((400, ENDED), [])),
    },
    "a handshake of another version than 13": {
        f"ws_bad_handshake[{field}]": (
            ((426, KEPT), [("sec-websocket-version", "13")]),
            ((400, ENDED), []),
        )
        for field in ("Sec-WebSocket-Version", "version")
    },
}

# Rows of the table that no behaviour here shows, and the tests of ours that do.
ELSEWHERE = {
    "a stream at SIGTERM": "test_asgi_server.py",
    "a request body": "test_asgi_receiver.py",
    "`http.disconnect` for an unread part of a body": "test_asgi_receiver.py",
}
