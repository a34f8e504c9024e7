"""Which proxy a URL goes through: what the environment says, by curl's rules.

``http_proxy`` is read in lower case only: a CGI program gets a request's Proxy field as
HTTP_PROXY (httpoxy, CVE-2016-5385). Must never open a connection.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from reactor._value import Value
from reactor.client.failures import EXIT_URL
from reactor.client.url import Url
from reactor.errors import FetchError

# RFC 4291 2.5.5.2: an IPv4 address as an IPv6 one.
_MAPPED = bytes(10) + b"\xff\xff"


class Proxies(Value):
    """Proxy URLs by scheme, and the hosts that are reached without."""

    http: str | None = None
    https: str | None = None
    exempt: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Proxies:
        def first(*names: str) -> str | None:
            return next((environ[name] for name in names if environ.get(name)), None)

        everything = first("all_proxy", "ALL_PROXY")
        exempt = first("no_proxy", "NO_PROXY") or ""
        return cls(
            first("http_proxy") or everything,
            first("https_proxy", "HTTPS_PROXY") or everything,
            tuple(name.strip().lower() for name in exempt.replace(",", " ").split()),
        )

    def proxy_for(self, url: Url) -> Url | None:
        """Raises FetchError for a proxy that is no http URL."""
        text = self.https if url.scheme == "https" else self.http
        if text is None or self._is_exempt(url.host):
            return None
        if "://" not in text:
            text = f"http://{text}"
        try:
            proxy = Url.parse(text)
        except FetchError as error:
            raise FetchError(
                "the proxy is no http URL: write http://HOST:PORT", EXIT_URL
            ) from error
        if proxy.scheme != "http":
            raise FetchError("a proxy is reached by http: write http://HOST:PORT", EXIT_URL)
        return proxy

    def _is_exempt(self, host: str) -> bool:
        address = _packed(host)
        for name in self.exempt:
            bare = name.strip("[]").lstrip(".")
            if name == "*" or host == bare or (bare and host.endswith(f".{bare}")):
                return True
            if address is not None and (
                address == _packed(bare) or ("/" in bare and _is_in_network(address, bare))
            ):
                return True
        return False


def _packed(host: str) -> bytes | None:
    """The address that a host is, however it is written; None for a name."""
    if ":" in host:
        try:
            address = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        except OSError:
            return None
        return address[12:] if address.startswith(_MAPPED) else address
    if not host[:1].isdigit():
        return None
    try:
        return socket.inet_aton(host)  # "127.1" too: the resolver takes it for an address
    except OSError:
        return None


def _is_in_network(address: bytes, network: str) -> bool:
    """Whether an address is in a network, as "10.0.0.0/8"."""
    import ipaddress  # few have such a rule

    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False  # no network


NO_PROXIES = Proxies()
