r"""``-w FORMAT``: what is printed of a transfer when it is over, in curl's words.

    %{http_code} %{time_total}\n

Knows curl's names for what a download can tell. Must never write anything itself.
"""

from __future__ import annotations

import argparse
import re

from reactor.client.url import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from reactor.client.download import Download

_PART = re.compile(r"%\{(\w+)\}|%header\{([^{}]+)\}|(%%)|\\([nrt])", re.ASCII)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parts_of(text: str) -> list[str]:
    """Text, and between two texts the name of a variable.

    >>> parts_of("a%{http_code}b")
    ['a', 'http_code', 'b']

    Raises:
        argparse.ArgumentTypeError: there is no such variable.
    """
    parts = [""]
    at = 0
    for found in _PART.finditer(text):
        parts[-1] += text[at : found.start()]
        at = found.end()
        name, field, percent, escape = found.groups()
        if percent or escape:
            parts[-1] += percent[:1] if percent else _ESCAPES[escape]
            continue
        if name is not None and name not in VARIABLES:
            from difflib import get_close_matches

            near = get_close_matches(name, VARIABLES, 1)
            hint = f"; did you mean %{{{near[0]}}}?" if near else ""
            raise argparse.ArgumentTypeError(f"there is no variable %{{{name}}}{hint}")
        parts += [f":{field}" if name is None else name, ""]
    parts[-1] += text[at:]
    return parts


def written(parts: list[str], download: Download, code: int, failure: str) -> str:
    """The parts, filled in; ``failure`` is in words what ``code`` is as a number."""
    ended = {"exitcode": str(code), "errormsg": failure}
    values = list(parts)
    values[1::2] = [ended.get(name) or _value(name, download) for name in parts[1::2]]
    return "".join(values)


def _value(name: str, download: Download) -> str:
    if name.startswith(":"):
        response = download.response
        return "" if response is None else response.headers.get(name[1:]) or ""
    return VARIABLES[name](download)


def _status(download: Download) -> str:
    return "000" if download.response is None else f"{download.response.status:03d}"


def _since(*steps: str) -> Callable[[Download], str]:
    """Seconds from the start to the end of the last of the steps; 0 if none was taken."""

    def seconds(download: Download) -> str:
        transfer = download.transfer
        taken = {} if transfer is None else transfer.timings
        return f"{sum(taken.get(step, 0.0) for step in steps if steps[-1] in taken):.6f}"

    return seconds


def _total_s(download: Download) -> float:
    return 0.0 if download.transfer is None else download.transfer.timings.get("total", 0.0)


def _speed(download: Download) -> str:
    seconds = _total_s(download)
    return str(int(download.received / seconds) if seconds else 0)


def _url_effective(download: Download) -> str:
    return visible(download.url) if download.transfer is None else download.transfer.url


def _peer(which: int) -> Callable[[Download], str]:
    def part(download: Download) -> str:
        address = None if download.transfer is None else download.transfer.address
        return "" if address is None else address.rpartition(":")[which].strip("[]")

    return part


def _version(download: Download) -> str:
    version = 0 if download.response is None else download.response.version
    return f"{version // 10}.{version % 10}" if version else "0"


VARIABLES: dict[str, Callable[[Download], str]] = {
    "content_type": lambda download: _value(":content-type", download),
    "errormsg": lambda download: "",
    "exitcode": lambda download: "0",
    "filename_effective": lambda download: download.saved_as or "",
    "http_code": _status,
    "http_version": _version,
    "method": lambda download: download.method,
    "num_redirects": lambda download: str(
        0 if download.transfer is None else len(download.transfer.redirects)
    ),
    "num_retries": lambda download: str(max(0, download.attempts - 1)),
    "remote_ip": _peer(0),
    "remote_port": _peer(2),
    "response_code": _status,
    "scheme": lambda download: _url_effective(download).partition(":")[0],
    "size_download": lambda download: str(download.received),
    "speed_download": _speed,
    "time_appconnect": _since("dns", "connect", "tls"),
    "time_connect": _since("dns", "connect"),
    "time_namelookup": _since("dns"),
    "time_starttransfer": _since("first_byte"),
    "time_total": _since("total"),
    "url": lambda download: visible(download.url),
    "url_effective": _url_effective,
}
