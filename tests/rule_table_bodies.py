"""The rules of framing, continued: bodies, limits, and what may follow what."""

from __future__ import annotations

from rule_table import Rule, bad, chunked, get, line, ok, post

EXTENSION = ";" + "e" * 255
FORBIDDEN = (
    "Transfer-Encoding",
    "content-length",
    "HOST",
    "Trailer",
    "TE",
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Upgrade",
    "Expect",
    "Max-Forwards",
    "Authorization",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "WWW-Authenticate",
    "Cookie",
    "Set-Cookie",
    "Content-Encoding",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
)


def fields(count: int, size: int, *, first: str = "Host: a\r\n") -> str:
    """A request with `count` more fields, each of `size` bytes with its CRLF."""
    return f"GET / HTTP/1.1\r\n{first}" + ("X: " + "v" * (size - 5) + "\r\n") * count


BODY_RULES = (
    Rule(
        26,
        "a chunk size is hex digits",
        ok(
            chunked("5\r\nhello\r\n0\r\n\r\n"),
            chunked("aA\r\n" + "x" * 170 + "\r\n0\r\n\r\n"),
            chunked("005\r\nhello\r\n000\r\n\r\n"),
            chunked("F\r\n" + "x" * 15 + "\r\n0\r\n\r\n"),
        ),
        bad(
            "chunk-size",
            *(
                chunked(f"{size}\r\n")
                for size in (
                    "§",
                    "§;a",
                    "0§x5",
                    "§+5",
                    "§-5",
                    "5§_0",
                    "§ 5",
                    "5§ ",
                    "5§\t",
                    "5§ ;a",
                    "5§g",
                    "§g",
                    "5§/",
                    "5§:",
                    "5§@",
                    "5§G",
                    "§`",
                    "5§\0",
                    "5§\xb2",
                )
            ),
        ),
    ),
    Rule(
        27,
        "a chunk size fits 16 digits and 63 bits",
        ok(chunked("0" * 15 + "1\r\nx\r\n0\r\n\r\n")),
        bad(
            "chunk-size-limit",
            chunked("0" * 16 + "§0\r\n"),
            chunked("800000000000000§0\r\n"),
            chunked("ffffffffffffffff"[:15] + "§f\r\n"),
            chunked("1" + "0" * 15 + "§0\r\n"),
        ),
    ),
    Rule(
        28,
        "a chunk line ends in CRLF",
        ok(chunked("1;a=b\r\nx\r\n0\r\n\r\n")),
        bad(
            "bare-lf",
            chunked("1§\nx"),
            chunked("1;a§\nx"),
            chunked('1;a="§\nx'),
            chunked("0§\n\r\n"),
            chunked("1;a=b§\nx"),
            chunked('1;a="\\§\nx'),
        )
        + bad("bare-cr", chunked("1§\rx"), chunked("1§\r\r\n")),
    ),
    Rule(
        29,
        "chunk extensions are tokens, bounded",
        ok(
            chunked('1;a;b=c;d="e\\"f\t\x80";g\r\nx\r\n0;z\r\n\r\n'),
            chunked(f"1{EXTENSION}\r\nx\r\n0\r\n\r\n"),
            chunked(f"1{EXTENSION}\r\nx\r\n" * 15 + f"0{EXTENSION}\r\n\r\n"),
        ),
        bad(
            "chunk-extension",
            *(
                chunked(f"1{text}\r\n")
                for text in (
                    ";§",
                    ";a=§",
                    ";§=b",
                    ";a§ ",
                    ";§ a",
                    ";a§ =b",
                    ";a=§ b",
                    ';a="b"§c',
                    ";a=b§=c",
                    ';a="§\0"',
                    ';a="\\§\0"',
                    ";a§\0",
                    ";§;a",
                    ";a=§;",
                    ';a="b§\x7f"',
                    ';§"a"',
                    ';a="b"§=',
                    ";a§(",
                )
            ),
        )
        + bad("chunk-extension", chunked('1;a="§\r\n'), chunked("1;a=§\r\n"), chunked("1;§\r\n"))
        + bad("chunk-extension-size", chunked(f"1{EXTENSION}§e\r\n"))
        + bad("chunk-extensions-size", chunked(f"1{EXTENSION}\r\nx\r\n" * 16 + "1§;a\r\n")),
    ),
    Rule(
        30,
        "CRLF follows the data",
        ok(chunked("1\r\nx\r\n0\r\n\r\n")),
        bad(
            "chunk-end",
            chunked("1\r\nx§\n0\r\n\r\n"),
            chunked("1\r\nx§0\r\n"),
            chunked("1\r\nx\r§\r\n"),
            chunked("1\r\nx§XX0\r\n"),
            chunked("1\r\nx§\n\r0\r\n"),
            chunked("1\r\nx§yz\r\n"),
        )
        + bad("chunk-size", chunked("1\r\nx\r\n§\r\n0\r\n\r\n")),
    ),
    Rule(
        31,
        "0, CRLF, CRLF ends a body",
        ok(chunked("0\r\n\r\n"), chunked("0;a\r\n\r\n")),
        bad("field-name", chunked("0\r\n§\0\0"))
        + bad("bare-cr", chunked("0\r\n§\rX"))
        + bad("field-colon", chunked("0\r\nXX§\r\n")),
    ),
    Rule(
        32,
        "a body is not mostly framing",
        ok(
            chunked("1\r\nx\r\n" * 17000 + "0\r\n\r\n"),
            chunked("2\r\nxx\r\n" * 21000 + "0\r\n\r\n"),
        ),
        bad("chunk-overhead", chunked("1\r\nx\r\n" * 20480 + "1\r§\nx\r\n")),
    ),
    Rule(
        33,
        "trailers are fields, bounded, and not for framing",
        ok(
            chunked("0\r\nDigest: x\r\n\r\n"),
            chunked("0\r\n" + "A: b\r\n" * 16 + "\r\n"),
            chunked("0\r\nA: " + "v" * 4091 + "\r\nB: " + "v" * 4091 + "\r\n\r\n"),
        ),
        bad("trailer-name", *(chunked(f"0\r\n§{name}: x\r\n\r\n") for name in FORBIDDEN))
        + bad("trailer-count", chunked("0\r\n" + "A: b\r\n" * 16 + "§A: b\r\n\r\n"), status=431)
        + bad(
            "trailers-size",
            chunked("0\r\nA: " + "v" * 4091 + "\r\nB: " + "v" * 4092 + "\r§\n"),
            status=431,
        )
        + bad("space-before-colon", chunked("0\r\nA§ : b\r\n\r\n"))
        + bad("leading-space", chunked("0\r\n§ A: b\r\n\r\n"))
        + bad("obs-fold", chunked("0\r\nA: b\r\n§ c\r\n\r\n"))
        + bad("field-value", chunked("0\r\nA: b§\0\r\n\r\n")),
    ),
    Rule(
        34,
        "lines, heads and counts are bounded",
        ok(
            line("GET /" + "a" * 8176 + " HTTP/1.1"),
            fields(99, 9) + "\r\n",
            fields(1, 8192) + "\r\n",
            fields(3, 8192) + fields(1, 8183, first="")[16:] + "\r\n",
        ),
        bad("request-line-size", line("GET /" + "a" * 8177 + " HTTP/1.1\r§"), status=414)
        + bad("request-line-size", "GET /" + "a" * 8187 + "§aaa", status=414)
        + bad("request-line-size", "GET /" + "a" * 8186 + " §HTTP/1.1", status=414)
        + bad("request-line-size", "GET /" + "a" * 8179 + " HTTP/1.§1", status=414)
        + bad("field-count", fields(99, 9) + "§X: y\r\n\r\n", status=431)
        + bad("field-size", fields(0, 0) + "X: " + "v" * 8188 + "\r§\n\r\n", status=431)
        + bad("field-size", fields(0, 0) + "N" * 8192 + "§N: v\r\n\r\n", status=431)
        + bad("fields-size", fields(3, 8192) + "X: " + "v" * 8179 + "\r§\n\r\n", status=431)
        + bad("fields-size", fields(3, 8192) + "X: " + "v" * 8180 + "§\r\n\r\n", status=431),
    ),
    Rule(
        35,
        "a head that never ends is refused at its bound",
        ok(get()),
        bad("request-line-size", "GET /" + "a" * 8187 + "§" + "a" * 9000, status=414)
        + bad("field-size", fields(0, 0) + "X: " + "v" * 8189 + "§" + "v" * 9000, status=431)
        + bad("method-size", "M" * 32 + "§" + "M" * 9000, status=501)
        + bad(
            "trailers-size",
            chunked("0\r\nA: " + "v" * 4000 + "\r\nA: " + "v" * 4184 + "§v"),
            status=431,
        ),
    ),
    Rule(
        37,
        "an Upgrade changes no framing",
        (
            (post("Connection: upgrade", "Upgrade: x", "Content-Length: 2", body="hi") + get(), 2),
            (get("Connection: upgrade", "Upgrade: x") + get(), 2),
        ),
        bad("method", get("Connection: upgrade", "Upgrade: x") + "§\x00\x01"),
    ),
    Rule(
        38,
        "CONNECT has no body",
        (
            (line("CONNECT b:1 HTTP/1.1", "Host: b:1\r\nContent-Length: 0\r\n\r\n"), 1),
            (line("CONNECT b:1 HTTP/1.1", "Host: b:1\r\n\r\n\x00tunnel"), 1),
        ),
        bad(
            "connect-body",
            line("CONNECT b:1 HTTP/1.1", "Host: b:1\r\nContent-Length: §1\r\n\r\n"),
            line("CONNECT b:1 HTTP/1.1", "Host: b:1\r\nTransfer-Encoding: §chunked\r\n\r\n"),
        ),
    ),
    Rule(
        39,
        "Connection: close wins; 1.0 closes by default",
        (
            (get("Connection: close") + "\0", 1),
            (get("Connection: a ,\tCLOSE , keep-alive") + "\0", 1),
            (get("Connection: keep-alive", "Connection: close") + "\0", 1),
            (get("Connection: not-close") + get(), 2),
            (get("Connection: close2, x") + get(), 2),
            (get("Connection: xlose, closx") + get(), 2),
            ("GET / HTTP/1.0\r\n\r\n\0", 1),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + get(), 2),
            ("GET / HTTP/1.0\r\nConnection: a, keep-alive\r\n\r\n" + get(), 2),
            ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n\0", 1),
        ),
        bad(
            "method",
            get("Connection: ,") + "§\0",
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n§\0",
        ),
    ),
    Rule(
        40,
        "after close nothing is read",
        (
            (post("Connection: close", "Content-Length: 1", body="x") + "\0garbage", 1),
            (chunked("0\r\n\r\n").replace("Host: a", "Host: a\r\nConnection: close") + get(), 1),
        ),
        bad("method", get() + "§\0garbage"),
    ),
    Rule(
        41,
        "what came before an error is delivered",
        ((get() * 3, 3),),
        bad("method", get() * 3 + "§\0", post("Content-Length: 2", body="hi") + "§@")
        + bad("space-before-colon", get() + get("X§ : a")),
    ),
    Rule(
        42,
        "any Expect is taken",
        ok(get("Expect: 100-continue"), get("Expect: x")),
        bad("field-value", get("Expect: §\0")),
    ),
    Rule(
        43,
        "TLS and HTTP/2 are refused at once",
        ok(get()),
        bad("not-http", "§\x16\x03\x01")
        + bad("version-unsupported", "PRI * HTTP/§2.0\r\n\r\nSM\r\n\r\n", status=505),
    ),
    Rule(
        44,
        "nothing is read after an error",
        ok(get()),
        bad("method", "§@" + get() * 2) + bad("chunk-end", chunked("1\r\nx§XX") + get()),
    ),
)
