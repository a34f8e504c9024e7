"""The rules of framing for responses: the status line, and where a body ends."""

from __future__ import annotations

from rule_table import Rule, bad

OK = "HTTP/1.1 200 OK\r\n"
LENGTH = "Content-Length: 2\r\n\r\nhi"
CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n"

RESPONSE_RULES = (
    Rule(
        45,
        "a status line is version, three digits, reason",
        (
            (OK + LENGTH, 1),
            ("HTTP/1.0 999 \r\n" + LENGTH, 1),
            ("HTTP/1.1 200 \t a\xff\r\n" + LENGTH, 1),
            ("\r\n" + OK + LENGTH, 1),
        ),
        bad(
            "status-line",
            "HTTP/1.1§\r\n",
            "HTTP/1.1 2§\xb20",
            "HTTP/1.1 2§ OK\r\n",
            "HTTP/1.1 20§ OK\r\n",
            "HTTP/1.1 200§0 OK\r\n",
            "HTTP/1.1 200§\r\n\r\n",
            "HTTP/1.1 § 200",
            "HTTP/1.1 §099 X\r\n",
            "HTTP/1.1 200§X",
            "HTTP/1.1 2§-0",
            "HTTP/1.1 2§/0",
            "HTTP/1.1 2§:0",
            "HTTP/1.1 200 O§\0",
            "HTTP/1.1 200§\tOK",
        )
        + bad("version", "§X", "HTTP/1.1"[:-1] + "§x 200 OK", "HTTPS§"[:4] + "§S")
        + bad("version-unsupported", "HTTP/§2.0 200 OK\r\n", status=505)
        + bad("bare-lf", OK[:-2] + "§\n", "§\n" + OK)
        + bad("bare-cr", OK[:-2] + "§\rX")
        + bad("status-line-size", "HTTP/1.1 200 " + "r" * 8178 + "\r§\n", status=431)
        + bad("status-line-size", "HTTP/1.1 200 " + "r" * 8179 + "§\r\n", status=431),
        responses=True,
    ),
    Rule(
        46,
        "a lenient client takes bare LF and no reason",
        (
            ("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 1),
            ("HTTP/1.1 200\r\n" + LENGTH, 1),
            ("HTTP/1.1 200\n" + LENGTH, 1),
            ("\n" + OK + LENGTH, 1),
            ("HTTP/1.1  \t200 OK\r\n" + LENGTH, 1),
            ("HTTP/1.1\t200\tOK\r\n" + LENGTH, 1),
            ("HTTP/1.1 200 O\1\x7fK\r\n" + LENGTH, 1),
        ),
        bad("status-line", "HTTP/1.1 200§X", "HTTP/1.1 20§\n", "HTTP/1.1 20§ 0", "HTTP/1.1§X")
        + bad("bare-cr", "HTTP/1.1 200 OK§\rX", "HTTP/1.1 200§\rX")
        + bad("empty-lines", "\n" * 8 + "§\n")
        + bad("status-line-size", "HTTP/1.1" + " " * 8184 + "§ 200 OK\r\n", status=431)
        + bad("status-line-size", "HTTP/1.1 200 " + "\1" * 8179 + "§\r\n", status=431)
        + bad("status-line", "HTTP/1.1 200 O§\0"),
        responses=True,
        lenient=True,
    ),
    Rule(
        46,
        "a lenient client takes folds, controls, and space before a colon",
        (
            (OK + "X: a,\r\n b\r\n" + LENGTH, 1),
            (OK + "X:\r\n\ta\n b\r\n \r\n" + LENGTH, 1),
            (OK + "X: a\1\x7fb\r\n" + LENGTH, 1),
            (OK + "X: \1a\1\r\nY: \1\r\nZ:\1\r\n" + LENGTH, 1),
            (OK + "X: a\r\n b\1 \t\r\n" + LENGTH, 1),
            # Names as long as those that frame.
            (OK + "Customised: a\r\n b\r\n" + LENGTH + OK + LENGTH, 2),
            (OK + "Custom-Headers: a\r\n b\r\n" + LENGTH + OK + LENGTH, 2),
            (OK + "Their-Own-Heading: a\1b\r\n" + LENGTH + OK + LENGTH, 2),
            (OK + "X \t: a\r\n" + LENGTH, 1),
            # The length is believed, and nothing else is read.
            (OK + "Content-Length : 2\r\n\r\nhi" + "\0", 1),
            (OK + "Connection: a,\r\n b\r\n" + LENGTH + "\0", 1),
            (OK + "Connection: a\1\r\n" + LENGTH + "\0", 1),
        ),
        bad("leading-space", OK + "§ X: a\r\n")
        + bad("field-name", OK + "X §Y: a\r\n", OK + "X§(: a\r\n", OK + "§: a\r\n")
        + bad("field-colon", OK + "X§\r\n", OK + "X §\n")
        + bad("field-value", OK + "A: §\0", OK + "A: b\r\n c§\0")
        + bad("field-value", OK + "Content-Length: 2§\1\r\n", OK + "Transfer-Encoding : §\1")
        + bad("bare-cr", OK + "A: b§\rc", OK + "A: b\r\n c§\rd")
        + bad("obs-fold", OK + "Content-Length: 2\r\n§ 3\r\n")
        + bad("obs-fold", OK + "Transfer-Encoding: chunked\r\n§\tx\r\n")
        + bad("content-length", OK + "Content-Length:§\r\n 2\r\n")
        + bad("field-size", OK + "X: a\r\n " + "b" * 8185 + "§b\r\n", status=431),
        responses=True,
        lenient=True,
    ),
    Rule(
        46,
        "a lenient client takes one length, however often, and a coding before it",
        (
            (OK + "Content-Length: 2\r\n" + LENGTH + OK + LENGTH, 2),
            (OK + "Content-Length: 2, 2 ,2\r\n\r\nhi" + OK + LENGTH, 2),
            (OK + "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n\0", 1),
            (OK + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\0", 1),
            (OK + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\0", 1),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\0", 1),
            (OK + "Transfer-Encoding: chunked\r\n" * 2 + "\r\n0\r\n\r\n\0", 1),
            (OK + "Transfer-Encoding: identity\r\n" + LENGTH + "\0", 1),
            (OK + "Transfer-Encoding:\r\n" + LENGTH + "\0", 1),
        ),
        bad("content-length-twice", OK + "Content-Length: 2\r\nContent-Length: §3\r\n")
        + bad("content-length-twice", OK + "Content-Length: 0\r\nContent-Length: §3\r\n")
        + bad("content-length-twice", OK + "Content-Length: §2, 3\r\n")
        + bad("content-length", OK + "Content-Length: §2,\r\n", OK + "Content-Length: §+2\r\n")
        + bad("content-length", OK + "Transfer-Encoding: gzip\r\nContent-Length: §x\r\n")
        + bad("content-length-size", OK + "Content-Length: §9223372036854775808\r\n")
        + bad(
            "transfer-coding",
            OK + "Transfer-Encoding: gzip\r\nTransfer-Encoding: §chunked\r\n",
            OK + "Transfer-Encoding: §gzip, chunked\r\n",
            status=501,
        )
        + bad("transfer-encoding", OK + "Transfer-Encoding: §chunked,\r\n"),
        responses=True,
        lenient=True,
    ),
    Rule(
        46,
        "a lenient client takes space after a chunk's size, any extension, and bare LF",
        (
            (CHUNKED + "2 \r\nhi\r\n0\t\r\n\r\n" + OK + LENGTH, 2),
            (CHUNKED + '2 ; a = "b\r\nhi\r\n0;\r\n\r\n' + OK + LENGTH, 2),
            (CHUNKED + "2\nhi\n1 \nx\r\n0\n\n" + OK + LENGTH, 2),
            (CHUNKED + "0\r\nContent-Length : 9\r\nX: a\r\n b\r\n\r\n" + OK + LENGTH, 2),
            (CHUNKED + "0\r\nContent-Length: 9\1\r\n 8\r\n\r\n" + OK + LENGTH, 2),
        ),
        bad("chunk-size", CHUNKED + "2 §2\r\n", CHUNKED + "§ 2", CHUNKED + "0§x2", CHUNKED + "§;a")
        + bad("bare-cr", CHUNKED + "2§\rh", CHUNKED + "2 §\rh", CHUNKED + "2;§\rh")
        + bad("bare-lf", CHUNKED + "2;a§\n", CHUNKED + "2 ;§\n")
        + bad("chunk-extension", CHUNKED + "2;a§\0", CHUNKED + "2;§\x7f")
        + bad("chunk-extension-size", CHUNKED + "2" + " " * 256 + "§ \r\n")
        + bad("chunk-end", CHUNKED + "2\nhi§x", CHUNKED + "2\nhi\r§x"),
        responses=True,
        lenient=True,
    ),
    Rule(
        47,
        "these responses have no body",
        (
            ("HTTP/1.1 204 No Content\r\n\r\n" + OK + LENGTH, 2),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" + OK + LENGTH, 2),
            ("HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n" + OK + LENGTH, 2),
            ("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + OK + LENGTH, 2),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n\0\1", 1),
            (OK + "Content-Length: 0\r\n\r\n" + OK + LENGTH, 2),
        ),
        bad("version", "HTTP/1.1 204 No Content\r\n\r\n§x"),
        responses=True,
    ),
    Rule(
        47,
        "the answers to HEAD and CONNECT have none either",
        ((OK + "Content-Length: 9\r\n\r\n" + "HTTP/1.1 200 OK\r\n\r\n\0tunnel", 2),),
        bad("version", OK + "Content-Length: 9\r\n\r\n§x"),
        responses=True,
        methods=("HEAD", "CONNECT"),
    ),
    Rule(
        47,
        "a CONNECT that is refused has one",
        (
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 405 No\r\n" + LENGTH, 2),
            ("HTTP/1.1 300 No\r\n" + LENGTH + OK + LENGTH, 2),
        ),
        responses=True,
        methods=("CONNECT",),
    ),
    Rule(
        48,
        "the close ends any other body",
        (
            (OK + "\r\nuntil the end", 1),
            (OK + "Transfer-Encoding: gzip\r\n\r\nx", 1),
            (OK + "Transfer-Encoding:gzip\r\n\r\nx", 1),
            (OK + "\r\n", 1),
            (OK + "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\nx", 1),
            (OK + "Transfer-Encoding: gzip\r\nTransfer-Encoding: br\r\n\r\nx", 1),
        ),
        bad(
            "transfer-coding",
            OK + "Transfer-Encoding: §gzip, chunked\r\n",
            OK + "Transfer-Encoding: gzip\r\nTransfer-Encoding: §chunked\r\n",
            OK + "Transfer-Encoding: chunked\r\nTransfer-Encoding: §chunked\r\n",
            status=501,
        )
        + bad(
            "transfer-encoding",
            OK + "Transfer-Encoding: §chunked,\r\n",
            OK + "Transfer-Encoding: §chunked;q=1\r\n",
            OK + "Transfer-Encoding:§\r\n",
        )
        + bad(
            "length-and-encoding",
            OK + "Transfer-Encoding: gzip\r\nContent-Length: §1\r\n",
            OK + "Content-Length: 1\r\nTransfer-Encoding: §chunked\r\n",
        )
        + bad("encoding-in-1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: §chunked\r\n"),
        responses=True,
    ),
    Rule(
        49,
        "a length or chunks end a body before the close",
        (
            (OK + LENGTH + OK + LENGTH, 2),
            (OK + "Host: ,\r\n" + LENGTH, 1),
            (OK + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" + OK + LENGTH, 2),
            ("HTTP/1.0 200 OK\r\n" + LENGTH + "\0", 1),
            (OK + "Connection: close\r\n" + LENGTH + "\0", 1),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + LENGTH + OK + LENGTH, 2),
        ),
        bad("content-length-twice", OK + "Content-Length: 2\r\nContent-Length: §2\r\n"),
        responses=True,
    ),
)
