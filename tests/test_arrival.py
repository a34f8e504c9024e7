"""How a request arrived: what its connection says of it stands before what the request says."""

import pytest
from driven import Driven, get

from reactor import Response
from reactor.parser._arrival import Arrival

TLS = object()


def request_over(arrival):
    d = Driven(lambda request: Response(204))
    d.transport.arrival = arrival
    d.feed(get(b"/"))
    return d.app.requests[0]


@pytest.mark.parametrize(
    ("arrival", "scheme", "host", "tls"),
    [
        (None, "http", "a", None),
        (Arrival(), "http", "a", None),
        (Arrival("https", None, ("10.0.0.1", 9), TLS), "https", "a", TLS),
        (Arrival("https", "site.example"), "https", "site.example", None),
    ],
)
def test_what_a_request_says_of_its_way(arrival, scheme, host, tls):
    request = request_over(arrival)
    assert (request.scheme, request.host, request.tls) == (scheme, host, tls)
    if arrival is not None:
        assert request.arrival is arrival
    else:  # there is always one: who reads its peer need not ask first
        assert (request.arrival.scheme, request.arrival.host) == ("http", None)
        assert (request.arrival.peer, request.arrival.tls) == (None, None)


def test_it_is_shown_without_the_connections_secrets():
    arrival = Arrival("https", "site.example", ("10.0.0.1", 9), TLS)
    assert repr(arrival) == "Arrival('https', 'site.example', ('10.0.0.1', 9))"
