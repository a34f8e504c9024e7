"""What proxies write, parsed: nodes, elements of Forwarded, hosts."""

import pytest

from reactor.parser.forwarded import Element, bare_host, parse_forwarded, parse_node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("1.2.3.4", ("1.2.3.4", 0)),
        (" 1.2.3.4:99\t", ("1.2.3.4", 99)),
        ("[::1]:5", ("::1", 5)),
        ("[::1]", ("::1", 0)),
        ("2001:DB8::1", ("2001:db8::1", 0)),
        ("::ffff:1.2.3.4", ("1.2.3.4", 0)),
    ],
)
def test_nodes(text, node):
    assert parse_node(text) == node


@pytest.mark.parametrize(
    "text",
    [
        *("", "unknown", "_hidden", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x"),
        "1.2.3.4:٣",
        *(
            "[::1",
            "::1]",
            "[::1]x",
            "[::1]:",
            "[1.2.3.4]",
            "1.2.3.4:1:2",
            "fe80::1%eth0",
            "localhost",
        ),
        *("localhost", "01.2.3.4", "1.2.3.4 5.6.7.8", "9" * 5000, "1.2.3.4\x00", "1.2.3.4:-1"),
    ],
)
def test_what_is_no_node(text):
    assert parse_node(text) is None


def test_elements_of_forwarded():
    value = 'for="[2001:db8::1]:4711";Proto=HTTPS;host="a\\"b,c;d", ,for=unknown;by=_x'
    assert parse_forwarded(value) == [
        Element("[2001:db8::1]:4711", "HTTPS", 'a"b,c;d'),
        Element("unknown"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        *("for", "for=", "=1.2.3.4", 'for="1.2.3.4', 'for="1.2.3.4" x', "for=1.2.3.4;for=6.6.6.6"),
        *("for=a b", 'for="a"b"', 'for=""', 'for="a\\"', "for=1.2.3.4;;proto=http", "för=1"),
    ],
)
def test_what_is_no_forwarded(value):
    assert parse_forwarded(value) is None


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("LOCALHOST", "localhost"),
        ("localhost.:8000", "localhost"),
        ("[::1]:80", "::1"),
        ("[::1]", "::1"),
        ("127.0.0.1:0", "127.0.0.1"),
        ("KELVIN\u212a", "kelvin\u212a"),
        ("", ""),
    ],
)
def test_hosts_are_compared_bare(authority, host):
    assert bare_host(authority) == host
