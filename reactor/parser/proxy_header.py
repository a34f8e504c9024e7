"""The header of the PROXY protocol, by which a proxy says whose connection it carries.

Versions 1 (a line) and 2 (binary) of HAProxy's proxy-protocol.txt. Given all that has come so far,
again and again: what is incomplete is a value, what can be no header is refused at its first wrong
byte. Whoever says the version takes no other one, and there is none without: to guess would let a
client write the header.

Must never know: a socket; what follows.
"""

from __future__ import annotations

from reactor._value import Value
from reactor.errors import RemoteProtocolError
from reactor.limits import DEFAULT_LIMITS
from reactor.parser._digits import parse_digits
from reactor.parser.forwarded import PORT_MAX, Node, parse_ip

# Section 2.1: the longest line, of an UNKNOWN one, with its CRLF.
LINE_BYTES_MAX = 107
# Section 2.2.
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIXED_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21  # version 2 in the upper half, the command in the lower
# Family and transport, with the bytes that the addresses take: source and destination each.
_UNSPECIFIED, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_ADDRESS_BYTES = {_TCP4: 12, _TCP6: 36, _UNIX: 216}
VERSIONS = ("v1", "v2", "any")


class ProxyHeader(Value):
    """A whole header of ``size`` bytes.

    ``source`` is the client: its node, or the path of its Unix socket ("", as a rule); None if the
    connection is the proxy's own (LOCAL, UNKNOWN), whatever addresses stand there.
    """

    size: int
    source: Node | str | None = None


def parse_proxy_header(
    data: bytes, version: str, bytes_max: int = DEFAULT_LIMITS.proxy_header_bytes_max
) -> ProxyHeader | None:
    """None: it is incomplete.

    >>> parse_proxy_header(b"PROXY TCP4 1.2.3.4 10.0.0.1 4711 80\\r\\nGET / HTTP", "v1")
    ProxyHeader(size=37, source=('1.2.3.4', 4711))

    Raises:
        RemoteProtocolError: it is no header of this version, "v1", "v2" or "any".
    """
    if not data:
        return None
    if version == "any":
        version = "v2" if data[:1] == SIGNATURE[:1] else "v1"
    return _parse_line(data) if version == "v1" else _parse_binary(data, bytes_max)


def _fault(message: str) -> RemoteProtocolError:
    return RemoteProtocolError(400, "proxy-header", message)


def _parse_line(data: bytes) -> ProxyHeader | None:
    begin = b"PROXY "
    if data[: len(begin)] != begin[: len(data)]:
        raise _fault("it begins without a PROXY line")
    end = data.find(b"\n", 0, LINE_BYTES_MAX)
    if end < 0:
        if len(data) >= LINE_BYTES_MAX:
            raise _fault(f"a PROXY line has {LINE_BYTES_MAX} bytes at most")
        return None
    if data[end - 1 : end] != b"\r":
        raise _fault("a PROXY line ends in CRLF")
    words = data[len(begin) : end - 1].decode("latin-1").split(" ")
    if words[0] == "UNKNOWN":
        return ProxyHeader(end + 1)  # what else stands there is to be ignored
    if len(words) != 5 or words[0] not in ("TCP4", "TCP6"):
        raise _fault("a PROXY line is PROXY TCP4 or TCP6, two addresses and two ports")
    wanted = 4 if words[0] == "TCP4" else 6
    source, _ = (_line_address(word, wanted) for word in words[1:3])
    port, _ = map(_line_port, words[3:])
    return ProxyHeader(end + 1, (source, port))


def _line_address(word: str, version: int) -> str:
    address = parse_ip(word)
    # IPv4 in IPv6's clothes is of the family TCP6.
    if address is None or (6 if ":" in word else 4) != version:
        raise _fault(f"an address of a PROXY line is none of IPv{version}")
    return str(address)


def _line_port(word: str) -> int:
    port = parse_digits(word, 5)
    if port is None or port > PORT_MAX or (word[0] == "0" and word != "0"):
        raise _fault("a port of a PROXY line is no number up to 65535")
    return port


def _parse_binary(data: bytes, bytes_max: int) -> ProxyHeader | None:
    if data[: len(SIGNATURE)] != SIGNATURE[: len(data)]:
        raise _fault("it begins without the signature of PROXY version 2")
    if len(data) < FIXED_BYTES:
        return None
    command, family = data[12], data[13]
    length = int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise _fault("a PROXY header of version 2 has the command LOCAL or PROXY")
    if length > bytes_max:
        raise _fault(f"a PROXY header of version 2 has {bytes_max} bytes behind its first 16")
    size = FIXED_BYTES + length
    needs = 0 if command == _LOCAL or family == _UNSPECIFIED else _ADDRESS_BYTES.get(family)
    if needs is None or length < needs:
        raise _fault("a PROXY header of version 2 is too short for its addresses, or of no stream")
    if len(data) < size:
        return None
    # Of LOCAL the proxy speaks for itself, whatever stands there. TLVs follow the addresses.
    if not needs:
        return ProxyHeader(size)
    at = FIXED_BYTES
    if family == _UNIX:
        path = data[at : at + 108].partition(b"\0")[0]
        return ProxyHeader(size, path.decode("utf-8", "backslashreplace"))
    width = 4 if family == _TCP4 else 16
    port_at = at + 2 * width
    port = int.from_bytes(data[port_at : port_at + 2], "big")
    return ProxyHeader(size, (_packed(data[at : at + width]), port))


def _packed(raw: bytes) -> str:
    from ipaddress import IPv6Address, ip_address

    address = ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address if mapped is None else mapped)
