"""The header of the PROXY protocol: however it is cut, and whatever it is not."""

import socket

import pytest

from reactor.errors import RemoteProtocolError
from reactor.parser.proxy_header import SIGNATURE, ProxyHeader, parse_proxy_header


def v2(command=0x21, family=0x11, rest=b"", length=None):
    size = len(rest) if length is None else length
    return SIGNATURE + bytes([command, family]) + size.to_bytes(2, "big") + rest


TCP4 = bytes([1, 2, 3, 4, 10, 0, 0, 1]) + (4711).to_bytes(2, "big") + (80).to_bytes(2, "big")
TCP6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + b"\x12\x67\0\x50"
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:1.2.3.4") * 2 + b"\x12\x67\0\x50"
UNIX = b"/run/client".ljust(108, b"\0") + b"/run/server".ljust(108, b"\0")
TLV = b"\x20\0\xc8" + bytes(200)
LONG_UNKNOWN = b"PROXY UNKNOWN " + b"f" * 91 + b"\r\n"

WHOLE = [
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 4711 80\r\n", ("1.2.3.4", 4711)),
    ("v1", b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", ("2001:db8::7", 4711)),
    ("v1", b"PROXY TCP6 ::ffff:1.2.3.4 ::1 0 65535\r\n", ("1.2.3.4", 0)),
    ("v1", b"PROXY UNKNOWN\r\n", None),
    ("v1", b"PROXY UNKNOWN 6.6.6.6 6.6.6.6 1 2\r\n", None),
    ("v1", LONG_UNKNOWN, None),
    ("v2", v2(rest=TCP4), ("1.2.3.4", 4711)),
    ("v2", v2(rest=TCP4 + TLV), ("1.2.3.4", 4711)),
    ("v2", v2(family=0x21, rest=TCP6), ("2001:db8::7", 4711)),
    ("v2", v2(family=0x21, rest=MAPPED), ("1.2.3.4", 4711)),
    ("v2", v2(family=0x31, rest=UNIX), "/run/client"),
    ("v2", v2(family=0x00, rest=TCP4), None),
    # LOCAL is the proxy's own, whatever address stands there.
    ("v2", v2(0x20, rest=TCP4), None),
    ("v2", v2(0x20, 0x00), None),
    ("v2", v2(rest=TCP4 + bytes(4084)), ("1.2.3.4", 4711)),
]


@pytest.mark.parametrize("follows", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"])
@pytest.mark.parametrize(("version", "header", "source"), WHOLE)
def test_a_header_is_whole_with_its_last_byte_and_not_before(version, header, source, follows):
    assert len(LONG_UNKNOWN) == 107
    for said in (version, "any"):
        for cut in range(len(header)):
            assert parse_proxy_header(header[:cut], said) is None
        assert parse_proxy_header(header + follows, said) == ProxyHeader(len(header), source)


WRONG = [
    ("v1", b"GET / HTTP/1.1\r\n"),
    ("v1", b"PROXY  TCP4 1.2.3.4 10.0.0.1 4711 80\r\n"),
    ("v1", b"PROXY TCP4 1.2.3.4  10.0.0.1 4711 80\r\n"),
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 4711 80 \r\n"),
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 4711\r\n"),
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 4711 80\n"),
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 04711 80\r\n"),
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 65536 80\r\n"),
    ("v1", b"PROXY TCP4 1.2.3.4 10.0.0.1 +1 80\r\n"),
    ("v1", b"PROXY TCP4 ::1 ::1 1 2\r\n"),
    ("v1", b"PROXY TCP6 1.2.3.4 10.0.0.1 1 2\r\n"),
    ("v1", b"PROXY TCP4 1.2.3.04 10.0.0.1 1 2\r\n"),
    ("v1", b"PROXY UDP4 1.2.3.4 10.0.0.1 1 2\r\n"),
    ("v1", b"proxy TCP4 1.2.3.4 10.0.0.1 1 2\r\n"),
    ("v1", b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n"),  # 108 bytes
    ("v1", b"PROXY " + b"x" * 200),
    ("v1", v2(rest=TCP4)),
    ("v2", b"PROXY TCP4 1.2.3.4 10.0.0.1 4711 80\r\n"),
    ("v2", b"\r\n\r\n\0\r\nQUIX\n"),
    ("v2", v2(0x11, rest=TCP4)),  # version 1 in a header of version 2
    ("v2", v2(0x22, rest=TCP4)),
    ("v2", v2(family=0x12, rest=TCP4)),  # datagrams
    ("v2", v2(family=0x41, rest=TCP4)),
    ("v2", v2(rest=TCP4[:11])),
    ("v2", v2(family=0x21, rest=TCP6[:35])),
    ("v2", v2(family=0x31, rest=UNIX[:215])),
    ("v2", v2(rest=TCP4, length=4097)),
    ("any", b"GET / HTTP/1.1\r\n"),
    ("any", b"\x16\x03\x01\x02\x00"),
]


@pytest.mark.parametrize(("version", "data"), WRONG)
def test_what_is_no_header_is_refused_and_never_waited_for(version, data):
    with pytest.raises(RemoteProtocolError) as raised:
        parse_proxy_header(data, version)
    assert raised.value.code == "proxy-header"
    # As soon as it can be known, and however much comes.
    with pytest.raises(RemoteProtocolError):
        parse_proxy_header(data + bytes(5000), version)


def test_a_client_that_speaks_http_is_refused_at_its_first_byte():
    with pytest.raises(RemoteProtocolError):
        parse_proxy_header(b"G", "any")
