"""What the user may say to ``reactor get``, and what it asks of a server.

Knows words and their checks. Must never open a connection; files are read only for ``-d @FILE``.
Names are curl's where curl has one. ``--json`` is the exception: here it prints JSON
(as in `gh` and `docker`), and ``--json-data`` sends it.
"""

from __future__ import annotations

import argparse
import sys

from reactor.cli.numbers import seconds, whole
from reactor.errors import ConfigurationError
from reactor.limits import DEFAULT_LIMITS, MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from reactor.client.proxies import Proxies

DESCRIPTION = """Fetch URLs over HTTP: the header goes to stdout, the body into a file with the
URL's last name (index.html for a folder), never over one that is there. A body that does not come
whole has no such file, only NAME.part, which --continue continues. Exit codes are curl's: 3 no
URL, 6 unknown host, 7 cannot connect, 8 no HTTP, 18 broke off, 22 status 300 or above after
redirects, 23 cannot write, 28 time-out, 35 TLS, 47 redirects, 60 certificate, 130 Ctrl-C; of many
URLs, that of the first failure."""

# What a command line can hold; a body of a file's size goes by -T.
DATA_BYTES_MAX = 16 * MIB
PARALLEL_MAX = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("urls", nargs="*", metavar="URL")
    _add_saving(parser.add_argument_group("saving"))
    _add_many(parser.add_argument_group("many URLs"))
    _add_request(parser.add_argument_group("the request"))
    _add_transfer(parser.add_argument_group("the transfer"))
    _add_showing(parser.add_argument_group("showing"))


def _add_saving(group: Any) -> None:
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="save as FILE, replacing it when the body is whole; - is stdout",
    )
    group.add_argument(
        "-J",
        "--remote-header-name",
        action="store_true",
        help="take the name from the answer's Content-Disposition, made harmless",
    )
    group.add_argument(
        "--continue",
        dest="resume",
        action="store_true",
        help="continue what an earlier try left in NAME.part, if the file is still the same",
    )
    group.add_argument(
        "--sha256",
        type=_digest,
        metavar="HEX",
        help="give the file its name only if it has this hash; - only tells it",
    )


def _add_many(group: Any) -> None:
    group.add_argument(
        "-i",
        "--input-file",
        metavar="FILE",
        help="fetch the URLs in FILE too, one a line; - is stdin; # begins a comment",
    )
    group.add_argument(
        "-P",
        "--parallel",
        type=whole(1, PARALLEL_MAX),
        metavar="N",
        help=f"transfers at a time; default: {DEFAULT_LIMITS.connections_per_host_max} to a host",
    )
    group.add_argument("--fail-early", action="store_true", help="stop at the first failure")


def _add_request(group: Any) -> None:
    group.add_argument(
        "-H",
        "--header",
        action="append",
        type=_header,
        default=[],
        metavar="NAME:VALUE",
        help="send this field instead of ours; repeatable",
    )
    group.add_argument(
        "-X", "--request", metavar="METHOD", help="default: GET, or what -d and -T ask"
    )
    group.add_argument(
        "-I", "--head", action="store_true", help="ask for the header only (method HEAD)"
    )
    group.add_argument(
        "-d",
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help="send a form (POST); @FILE sends a file's content; repeatable, joined by &",
    )
    group.add_argument("--json-data", metavar="DATA", help="send JSON (POST); @FILE as with -d")
    group.add_argument("-T", "--upload-file", metavar="FILE", help="send a file (PUT)")
    group.add_argument("-u", "--user", metavar="NAME:PASSWORD", help="Basic authentication")
    group.add_argument("-n", "--netrc", action="store_true", help="name and password from ~/.netrc")
    group.add_argument(
        "--compressed", action="store_true", help="ask for gzip or deflate, and save it decoded"
    )


def _add_transfer(group: Any) -> None:
    group.add_argument("--max-time", type=seconds, metavar="S", help="bound of one whole transfer")
    group.add_argument(
        "--connect-timeout",
        type=seconds,
        default=DEFAULT_LIMITS.connect_timeout_s,
        metavar="S",
        help="default: %(default)g",
    )
    group.add_argument(
        "--retry",
        type=whole(0, 999),
        default=DEFAULT_LIMITS.retries_max,
        metavar="N",
        help="tries after a failure that may pass; default: %(default)s",
    )
    group.add_argument(
        "--max-redirs",
        type=whole(0, 999),
        default=DEFAULT_LIMITS.redirects_max,
        metavar="N",
        help="default: %(default)s",
    )
    one = group.add_mutually_exclusive_group()
    for number in (4, 6):
        one.add_argument(
            f"-{number}",
            f"--ipv{number}",
            dest="ip",
            action="store_const",
            const=number,
            help=f"connect by IPv{number} only",
        )
    group.add_argument("-x", "--proxy", metavar="URL", help="instead of http_proxy and https_proxy")
    group.add_argument("--cacert", metavar="FILE", help="trust these certificates only (PEM)")
    group.add_argument(
        "-k", "--insecure", action="store_true", help="believe any certificate: DANGEROUS"
    )


def _add_showing(group: Any) -> None:
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but failures")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="show the whole exchange on stderr"
    )
    group.add_argument(
        "--json", action="store_true", help="print a JSON object for each URL, and no header"
    )


def conflict(options: argparse.Namespace) -> str | None:
    """What does not go together, in a sentence; None if all is well."""
    many = len(options.urls) > 1 or options.input_file is not None
    bodies = [bool(options.data), options.json_data is not None, options.upload_file is not None]
    if not options.urls and options.input_file is None:
        return "no URL: write reactor get URL, or -i FILE"
    if sum(bodies) > 1:
        return "-d, --json-data and -T each send a body: give one of them"
    if options.head and any(bodies):
        return "-I asks for a header only: it sends no body"
    if options.output == "-" and options.json:
        return "--json and -o - both write to stdout: give one of them"
    if many and options.upload_file == "-":
        return "-T - sends stdin, which is there once: give one URL"
    if many and options.sha256 not in {None, "-"}:
        return "--sha256 HEX is the hash of one file: give one URL"
    if many and options.output is not None and names_a_file(options.output):
        return f"{options.output} cannot be the file of many URLs: leave out -o"
    return None


def names_a_file(output: str) -> bool:
    """Whether ``-o`` means a file with one content, not a stream that takes many."""
    import os
    import stat

    if output == "-":
        return False
    try:
        mode = os.stat(output).st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def method_of(options: argparse.Namespace) -> str:
    if options.request is not None:
        return str(options.request)
    if options.head:
        return "HEAD"
    if options.upload_file is not None:
        return "PUT"
    return "POST" if options.data or options.json_data is not None else "GET"


def proxies_of(options: argparse.Namespace) -> Proxies:
    from reactor.client.proxies import Proxies  # the help needs no client

    if options.proxy is None:
        return Proxies.from_environment()
    return Proxies(options.proxy or None, options.proxy or None)


def body_of(options: argparse.Namespace) -> bytes | None:
    """What ``-d`` or ``--json-data`` send."""
    if options.json_data is not None:
        return _content(options.json_data)
    return b"&".join(map(_content, options.data)) if options.data else None


def upload_of(options: argparse.Namespace) -> BinaryIO | None:
    """What ``-T`` sends, to be read while it is sent; each transfer has its own."""
    if options.upload_file is None:
        return None
    if options.upload_file == "-":
        return _stdin("-T -")
    try:
        return open(options.upload_file, "rb")
    except OSError as error:
        raise _cannot_read(options.upload_file, error) from error


def fields_of(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The header fields that the options ask for, the user's own last."""
    given = {name.lower() for name, _ in options.header}
    implied = []
    if options.json_data is not None:
        implied = [("Content-Type", "application/json"), ("Accept", "application/json")]
    elif options.data:
        implied = [("Content-Type", "application/x-www-form-urlencoded")]
    return [field for field in implied if field[0].lower() not in given] + list(options.header)


def _content(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    name = text[1:]
    try:
        if name == "-":
            data = _stdin("@-").read(DATA_BYTES_MAX + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(DATA_BYTES_MAX + 1)
    except OSError as error:
        raise _cannot_read(name, error) from error
    if len(data) > DATA_BYTES_MAX:
        raise ConfigurationError(f"{name} is too large for -d: send it with -T")
    return data


def _stdin(option: str) -> BinaryIO:
    if sys.stdin is None:
        raise ConfigurationError(f"{option}: stdin is closed")
    return sys.stdin.buffer


def _cannot_read(name: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"cannot read {name}: {error.strerror}")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name:
        # Not repeated: there may be a password in it.
        raise argparse.ArgumentTypeError("a field is written NAME:VALUE")
    if not (value.isprintable() or set(value) <= {"\t", *filter(str.isprintable, value)}):
        raise argparse.ArgumentTypeError("a field's value is one line of printable characters")
    return name, value.strip()


def _digest(text: str) -> str:
    from reactor.client.hashing import is_sha256  # the help needs no client

    if not is_sha256(text):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is no SHA-256: 64 hexadecimal digits, or -")
    return text
