"""How far the C compiler goes with each module: most of what an installation takes is its work.

A module is here if a request pays for less (`bench/instructions.py`; docs/decisions/0080). All
others get -O1, which takes half as long as -O3.
"""

# A request pays for -O2.
HOT = {
    *("apps/_asgi", "apps/_asgi_receiver", "apps/_environ", "apps/_scope", "apps/_sections"),
    *("apps/_tasks", "apps/_wsgi", "http/_responder", "http/_response", "http/_websocket"),
    *("loop/_core", "loop/_ending", "loop/_epoll", "parser/_fields", "parser/_frames"),
    *("parser/_headers", "parser/_lines", "parser/_message", "parser/_writing"),
    *("http/_counting", "http/_sending", "http/_sent_bytes", "loop/_heartbeat"),
    "server/_access_lines",
    "server/_line_formats",
}
# A request pays for -O1.
WARM = {
    *("_parse", "apps/_plain_request", "http/_body", "http/_deferred", "http/_exchange"),
    *(
        "http/_server",
        "http/_sides",
        "http/_websocket_sending",
        "load/_generator",
        "loop/_deadlines",
    ),
    *("net/_connection", "net/_endpoint", "net/_listener", "net/_outgoing", "net/_timed"),
    *("net/_tls_connection", "net/_tls_outgoing", "parser/_buffer", "parser/_chunked"),
    *("parser/_head", "parser/_length", "parser/_names", "parser/_serialise"),
}


def level(path):
    """The option for a `.pyx`."""
    name = path.removeprefix("reactor/").removesuffix(".pyx")
    return "-O3" if name in HOT else "-O2" if name in WARM else "-O1"
