"""The rules of HTTP/1.1 framing, each with what it takes and what it refuses.

One entry a rule, in the order of docs/parser.md. In an input that is refused, ``§`` stands
where the error must be reported (it is taken out before the input is fed).
"""

from __future__ import annotations

from dataclasses import dataclass, field

Refused = tuple[str, int, str]  # input with its §, status, code


@dataclass(frozen=True)
class Rule:
    """A rule by its number in docs/parser.md."""

    number: int
    text: str
    # Inputs that give this many whole messages and no error.
    takes: tuple[tuple[str, int], ...] = ()
    refuses: tuple[Refused, ...] = ()
    responses: bool = False
    lenient: bool = False
    methods: tuple[str, ...] = field(default=())


def rule_of(case) -> str:
    """The name of the rule that a case, ``(rule, input, ...)``, belongs to."""
    rule = case[0]
    return f"{rule.number}-{rule.text.replace(' ', '_')}"


def input_of(case) -> str:
    """How such a case is named: by its input."""
    return repr(case[1])


def get(*lines: str, host: str = "Host: a\r\n") -> str:
    return f"GET / HTTP/1.1\r\n{host}" + "".join(f"{line}\r\n" for line in lines) + "\r\n"


def post(*lines: str, body: str = "") -> str:
    return (
        "POST / HTTP/1.1\r\nHost: a\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n" + body
    )


def chunked(body: str) -> str:
    return post("Transfer-Encoding: chunked", body=body)


def line(start: str, rest: str = "Host: a\r\n\r\n") -> str:
    return f"{start}\r\n{rest}"


def ok(*inputs: str) -> tuple[tuple[str, int], ...]:
    return tuple((text, 1) for text in inputs)


def bad(code: str, *inputs: str, status: int = 400) -> tuple[Refused, ...]:
    return tuple((text, status, code) for text in inputs)


BIG = "9223372036854775807"

RULES = (
    Rule(
        1,
        "lines end in CRLF",
        ok(get()),
        bad(
            "bare-lf",
            "GET / HTTP/1.1§\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a§\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n§\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX:§\n\r\n",
            chunked("0\r\nA: b§\n\r\n"),
            chunked("0\r\n§\n"),
        )
        + bad("field-colon", "GET / HTTP/1.1\r\nHost: a\r\nX§\n\r\n"),
    ),
    Rule(
        2,
        "a CR is followed by LF",
        ok(get("X: a b")),
        bad(
            "bare-cr",
            "GET / HTTP/1.1§\rHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a§\rX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a§\r\x0bX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n§\rX",
            "GET / HTTP/1.1§\r\r\n",
            "§\rGET / HTTP/1.1\r\n",
            chunked("5§\rx"),
            chunked("1;a§\rx"),
            chunked("0\r\n§\rx"),
        ),
    ),
    Rule(
        3,
        "a few empty lines come before a request",
        ok("\r\n" + get(), "\r\n" * 8 + get()),
        bad("empty-lines", "\r\n" * 8 + "§\r\n" + get()) + bad("bare-lf", "§\n" + get()),
    ),
    Rule(
        4,
        "one SP between the parts of the request line",
        ok(get()),
        bad("version", line("GET / §  HTTP/1.1"), line("GET / §"), line("GET /§", "\r\n"))
        + bad("target", line("GET § / HTTP/1.1"), line("GET /§\tHTTP/1.1"))
        + bad("method", line("GET§\t/ HTTP/1.1"), line("§ GET / HTTP/1.1"), line("GET§"))
        + bad("version", line("GET / HTTP/1.1§ ")),
    ),
    Rule(
        5,
        "the method is any token",
        ok(
            line("get / HTTP/1.1"),
            line("!#$%&'*+-.^_`|~09Az / HTTP/1.1"),
            line("M" * 32 + " / HTTP/1.1"),
        ),
        bad(
            "method",
            line("§ / HTTP/1.1"),
            line("G§(T / HTTP/1.1"),
            line("G§:T / HTTP/1.1"),
            line("G§\0T / HTTP/1.1"),
            line("G§\xe9T / HTTP/1.1"),
            line("G§\x7fT / HTTP/1.1"),
        )
        + bad("method-size", line("M" * 32 + "§M / HTTP/1.1"), status=501),
    ),
    Rule(
        6,
        "the target has the form of its method",
        ok(
            line('GET /a?b[]{}|\\^`<>" HTTP/1.1'),
            line("OPTIONS * HTTP/1.1"),
            line("GET http://b:80 HTTP/1.1"),
            line("GET HTTPS://b/?x HTTP/1.1"),
            line("GET http://b?x HTTP/1.1"),
            line("GET https://b HTTP/1.1"),
            line("OPTIONS http://b HTTP/1.1"),
            line("CONNECT b:443 HTTP/1.1"),
            line("CONNECT [::1]:443 HTTP/1.1"),
        ),
        bad(
            "target",
            line("GET /§\0 HTTP/1.1"),
            line("GET /§\x1f HTTP/1.1"),
            line("GET /§\x7f HTTP/1.1"),
            line("GET /§\x80 HTTP/1.1"),
            line("GET /§\xff HTTP/1.1"),
            line("GET /a§#b HTTP/1.1"),
            line("GET /0123456789abcdef0123456789§#b HTTP/1.1"),
        )
        + bad(
            "target-form",
            line("GET §a HTTP/1.1"),
            line("GET §* HTTP/1.1"),
            line("OPTIONS §** HTTP/1.1"),
            line("PRI §* HTTP/1.1"),
            line("GET §b:443 HTTP/1.1"),
            line("CONNECT §/ HTTP/1.1"),
            line("CONNECT §b HTTP/1.1"),
            line("CONNECT §b: HTTP/1.1"),
            line("CONNECT §b:0 HTTP/1.1"),
            line("CONNECT §http://b:1/ HTTP/1.1"),
            line("GET §http:// HTTP/1.1"),
            line("GET §https:// HTTP/1.1"),
            line("GET §http:/b HTTP/1.1"),
            line("GET §http:///b HTTP/1.1"),
            line("GET §http://u@b/ HTTP/1.1"),
            line("GET §ftp://b/ HTTP/1.1"),
            line("GET §http://b:x/ HTTP/1.1"),
        ),
    ),
    Rule(
        7,
        "the version is HTTP/1.x",
        ok("GET / HTTP/1.0\r\n\r\n", line("GET / HTTP/1.2"), line("GET / HTTP/1.9")),
        bad(
            "version",
            line("GET / §http/1.1"),
            line("GET / §ICY/1.1"),
            line("GET / HTTP/§HTTP/1.1"),
            line("GET / HTTP/§x.1"),
            line("GET / HTTP/1§1"),
            line("GET / HTTP/0§1.1"),
            line("GET / HTTP/1.§x"),
            line("GET / HTTP/1.§:"),
            line("GET / HTTP/1.§/"),
            line("GET / HTTP/§:.1"),
            line("GET / HTTP/§/.1"),
            line("GET / HTTP/1.1§0"),
            line("GET / HTTP/1§"),
            line("GET / HTTP§"),
        )
        + bad(
            "version-unsupported",
            line("GET / HTTP/§2.0"),
            line("GET / HTTP/§0.9"),
            line("GET / HTTP/§5.6"),
            status=505,
        ),
    ),
    Rule(
        8,
        "no white space before the colon",
        ok(get("X:a")),
        bad("space-before-colon", get("X§ : a"), get("X§\t: a"), get("Content-Length§ : 1")),
    ),
    Rule(
        9,
        "no white space before the first field",
        ok(get()),
        bad(
            "leading-space",
            "GET / HTTP/1.1\r\n§ Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\n§\tHost: a\r\n\r\n",
        ),
    ),
    Rule(
        10,
        "no folded lines",
        ok(get("X: a   b")),
        bad("obs-fold", get("X: a", "§ b"), get("X: a", "§\tb"), get("X:", "§ ")),
    ),
    Rule(
        11,
        "a field is a token, then a colon",
        ok(get("!#$%&'*+-.^_`|~09Az: x"), get("X-Y_Z.W: 1")),
        bad(
            "field-name",
            get("§: a"),
            get("X§@Y: a"),
            get("X§(: a"),
            get("X§\xe9: a"),
            get("X§\0: a"),
            get("§\0: a"),
            get("X-0123456789-abcdef-0123§/: a"),
            get("§\x7f: a"),
        )
        + bad("field-colon", get("X§"))
        + bad("space-before-colon", get("X§ Y: a")),
    ),
    Rule(
        12,
        "no control bytes in a value",
        ok(get("X: \t!~\x80\xff a\tb"), get("X:"), get("X: " + "v" * 40 + "\t" + "\xe9" * 40)),
        bad(
            "field-value",
            *(get(f"X: a§{byte}b") for byte in "\0\1\x08\x0b\x0c\x0e\x1f\x7f"),
            get("X: 0123456789abcdef0123456789§\x01"),
            get("X: 0123456789abcdef§\x7f0123456789abcdef"),
            get("X: a§\x0e\nY: b"),
        ),
    ),
    Rule(
        13,
        "only SP and HTAB surround a value",
        ok(get("X:  \t a \t "), post("Content-Length: \t0 ")),
        bad("content-length", post("Content-Length: §\xa00"), post("Content-Length: §0\x85"))
        + bad("transfer-encoding", post("Transfer-Encoding: §chunked\xa0"))
        + bad("field-value", post("Content-Length: §\x0b0"), post("Content-Length: 0§\x0c")),
    ),
    Rule(
        14,
        "an underscore is no hyphen",
        ok(get("Content_Length: x"), get("Transfer_Encoding: x")),
        bad("content-length", get("Content-Length: §x")),
    ),
    Rule(
        15,
        "exactly one valid Host",
        ok(
            *(
                get(host=f"Host: {host}\r\n")
                for host in (
                    "a",
                    "a.b-c_d~",
                    "1.2.3.4",
                    "a:80",
                    "a:",
                    "a:65535",
                    "a:9",
                    "[::1]",
                    "[::1]:80",
                    "a%20b",
                    "!$&'()*+;=",
                    "[::ffff:1.2.3.4]",
                    "[0000:0000:0000:0000:0000:ffff:100.100.100.100]",
                )
            ),
            "GET / HTTP/1.0\r\n\r\n",
            get(host="hOST: a\r\n"),
        ),
        bad(
            "host-missing",
            "GET / HTTP/1.1\r\n§\r\n",
            "GET / HTTP/1.9\r\nX: a\r\n§\r\n",
            "GET http://b/ HTTP/1.1\r\n§\r\n",
            "GET / HTTP/1.1\r\nHosts: a\r\nXost: a\r\n§\r\n",
        )
        + bad("host-twice", get("Host: §a"), get("X: y", "host: §b"))
        + bad(
            "host",
            *(
                get(host=f"Host: §{host}\r\n")
                for host in (
                    "a b",
                    "a/b",
                    "u@a",
                    "a,b",
                    "a:x",
                    "a:65536",
                    "a:1:2",
                    "[::1",
                    "[::1]x",
                    "[::1]:x",
                    "[]",
                    "[::g]",
                    "[v1.a]",
                    "[" + "1" * 60 + "]",
                    "[0000:0000:0000:0000:0000:ffff:100.100.100.1000]",
                    "a\xe9",
                    "a%2",
                    "a%2g",
                    "a%g2",
                    "%",
                    ":80",
                    "a:99999999999999999999",
                    "a:-1",
                    "a:/",
                    "]",
                )
            ),
            "GET / HTTP/1.0\r\nHost:§\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:  §\r\n\r\n",
        ),
    ),
    Rule(
        17,
        "Content-Length is digits",
        ok(post("Content-Length: 5", body="hello"), post("content-LENGTH: 0")),
        bad(
            "content-length",
            *(
                post(f"Content-Length: §{value}")
                for value in (
                    "+5",
                    "-5",
                    "-0",
                    "0x5",
                    "5_0",
                    "5 0",
                    "5,5",
                    "5.0",
                    "5e0",
                    "5;",
                    "\xb2",
                    "/",
                    ":",
                )
            ),
        ),
    ),
    Rule(
        18,
        "Content-Length is not empty",
        ok(post("Content-Length: 0")),
        bad("content-length", post("Content-Length:§"), post("Content-Length: \t§")),
    ),
    Rule(
        19,
        "Content-Length fits 63 bits",
        ok(post("Content-Length: " + "0" * 31 + "0")),
        bad(
            "content-length-size",
            *(
                post(f"Content-Length: §{value}")
                for value in (
                    "9223372036854775808",
                    "9223372036854775810",
                    "18446744073709551616",
                    "18446744073709551621",
                    "1" * 32,
                    "0" * 33,
                    "1" * 33 + "x",
                    "9" * 4300,
                )
            ),
        ),
    ),
    Rule(
        20,
        "leading zeros are legal",
        ok(post("Content-Length: 0005", body="hello")),
        bad("content-length-size", post("Content-Length: §" + "0" * 32 + "5")),
    ),
    Rule(
        21,
        "one Content-Length",
        ok(post("Content-Length: 1", body="x")),
        bad(
            "content-length-twice",
            post("Content-Length: 1", "Content-Length: §1", body="x"),
            post("Content-Length: 0", "Content-Length: §0"),
        )
        + bad("content-length", post("Content-Length: §1, 1", body="x")),
    ),
    Rule(
        22,
        "not both lengths",
        ok(chunked("0\r\n\r\n")),
        bad(
            "length-and-encoding",
            post("Content-Length: 1", "Transfer-Encoding: §chunked"),
            post("Transfer-Encoding: chunked", "Content-Length: §1"),
        ),
    ),
    Rule(
        23,
        "no Transfer-Encoding in HTTP/1.0",
        ok("POST / HTTP/1.0\r\n\r\n"),
        bad("encoding-in-1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: §chunked\r\n\r\n"),
    ),
    Rule(
        24,
        "the transfer coding is chunked",
        ok(post("Transfer-Encoding: CHUNKed", body="0\r\n\r\n")),
        bad(
            "transfer-coding",
            *(
                post(f"Transfer-Encoding: §{value}")
                for value in (
                    "gzip, chunked",
                    "identity, chunked",
                    "chunked, chunked",
                    ",chunked",
                    "x,\tchunked",
                )
            ),
            status=501,
        )
        + bad(
            "transfer-encoding",
            *(
                post(f"Transfer-Encoding: §{value}")
                for value in (
                    "gzip",
                    "identity",
                    "chunked, gzip",
                    "chunked,",
                    "xchunked",
                    "chunkedx",
                    "chunke",
                    "xhunked",
                    "chunkex",
                    "chunked;q=1",
                    '"chunked"',
                    "chun\xebd",
                )
            ),
            post("Transfer-Encoding:§"),
        ),
    ),
    Rule(
        25,
        "one Transfer-Encoding",
        ok(chunked("0\r\n\r\n")),
        bad(
            "transfer-encoding-twice",
            post("Transfer-Encoding: chunked", "Transfer-Encoding: §chunked"),
            post("Transfer-Encoding: chunked", "Transfer-Encoding: §identity"),
        ),
    ),
)
