"""What a proxy says of the client that it speaks for: the nodes of X-Forwarded-For, the elements of
Forwarded (RFC 7239), and names of hosts.

Must never know: who is believed.
"""

from __future__ import annotations

from reactor._value import Value
from reactor.parser._digits import parse_digits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

# RFC 9293 section 3.1: a port has 16 bits.
PORT_MAX = 65535
# The longest address with its brackets and a port; what is longer is none.
NODE_CHARACTERS_MAX = 64

Node = tuple[str, int]


class Element(Value):
    """One element of a Forwarded field: what one proxy has said. None: nothing."""

    node: str | None = None
    proto: str | None = None
    host: str | None = None


def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """An address without a zone; one of IPv4 in IPv6's clothes is IPv4's."""
    from ipaddress import IPv6Address, ip_address  # 10 ms, which only a server behind a proxy pays

    if len(text) > NODE_CHARACTERS_MAX or "%" in text:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def parse_node(text: str) -> Node | None:
    """(host, port) of ``1.2.3.4``, ``1.2.3.4:80``, ``[::1]``, ``[::1]:80`` or ``::1``; port 0 if
    there is none. None: it is something else, as ``unknown`` and ``_hidden`` are (RFC 7239 6).

    >>> parse_node("[2001:db8::1]:4711"), parse_node("1.2.3.4"), parse_node("_hidden")
    (('2001:db8::1', 4711), ('1.2.3.4', 0), None)
    """
    text = text.strip(" \t")
    if len(text) > NODE_CHARACTERS_MAX:
        return None
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            return None
        port = rest[1:]
        if rest and not port:
            return None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port:
            return None
    address = parse_ip(host)
    number = parse_digits(port, 5) if port else 0
    if address is None or number is None or number > PORT_MAX:
        return None
    return str(address), number


def parse_forwarded(value: str) -> list[Element] | None:
    """The elements of a Forwarded field's value, in their order; None: it is none (RFC 7239 4).

    >>> parse_forwarded('for="[::1]:5";Proto=https, for=_x')
    [Element(node='[::1]:5', proto='https', host=None), Element(node='_x', proto=None, host=None)]
    """
    elements = []
    for text in _split(value, ","):
        if not text.strip(" \t"):
            continue  # RFC 9110 5.6.1: empty elements of a list are ignored
        said: dict[str, str] = {}
        for pair in _split(text, ";"):
            name, equals, word = pair.strip(" \t").partition("=")
            name = name.lower() if name.isascii() else ""
            plain = _unquoted(word)
            # RFC 7239 4: each parameter at most once in an element.
            if not equals or not name or plain is None or name in said:
                return None
            said[name] = plain
        elements.append(Element(said.get("for"), said.get("proto"), said.get("host")))
    return elements


def _split(text: str, separator: str) -> list[str]:
    """At the separators that are in no quoted string (RFC 9110 5.6.4)."""
    parts, begin, quoted, at = [], 0, False, 0
    while at < len(text):
        letter = text[at]
        if quoted and letter == "\\":
            at += 1
        elif letter == '"':
            quoted = not quoted
        elif letter == separator and not quoted:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    parts.append(text[begin:])
    return parts


def _unquoted(word: str) -> str | None:
    """The text of a token or a quoted string; None if it is neither, or empty."""
    if not word.startswith('"'):
        return None if not word or set(word) & set('" \t;,\\') else word
    if len(word) < 3 or not word.endswith('"'):
        return None
    plain, at = "", 1
    while at < len(word) - 1:
        if word[at] == '"':
            return None
        at += word[at] == "\\"
        if at == len(word) - 1:
            return None  # the last quote is a quoted one
        plain += word[at]
        at += 1
    return plain


def bare_host(authority: str) -> str:
    """The host of an authority as it is compared: small, without port, brackets, last dot.

    >>> bare_host("LocalHost.:80"), bare_host("[::1]:80"), bare_host("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    host = authority
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    # ASCII only: of other letters no name in a Host field is made.
    small = "".join(chr(ord(c) | 0x20) if "A" <= c <= "Z" else c for c in host)
    return small.removesuffix(".")
