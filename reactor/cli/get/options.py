"""What the user may say to ``reactor get``, and what it asks of a server.

Knows words and their checks. Must never open a connection; files are read only for ``-d @FILE``.
Names are curl's where curl has one. ``--json`` is the exception: here it prints JSON
(as in `gh` and `docker`), and ``--json-data`` sends it.
"""

from __future__ import annotations

import argparse
import sys

from reactor.cli.get import checks
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
redirects, 23 cannot write, 28 time-out, 35 TLS, 47 redirects, 60 certificate, 90 pinned key, 130
Ctrl-C; of many URLs, that of the first failure."""

# What curl and wget have to be told.
ALREADY = (
    *("-L", "--location", "-S", "--show-error", "-f", "--fail", "-N", "--no-buffer", "-g"),
    *("--globoff", "-Z", "--http1.1", "-#", "--progress-bar", "--show-progress"),
)
# What a command line can hold; a body of a file's size goes by -T.
DATA_BYTES_MAX = 16 * MIB


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("urls", nargs="*", metavar="URL")
    _add_saving(parser.add_argument_group("saving"))
    _add_many(parser.add_argument_group("many URLs"))
    _add_request(parser.add_argument_group("the request"))
    _add_transfer(parser.add_argument_group("the transfer"))
    _add_showing(parser.add_argument_group("showing"))
    others = parser.add_argument_group("options of other clients")
    others.add_argument(
        *ALREADY, action="store_true", dest="already", help="what they mean is so without them"
    )
    others.add_argument(
        "-O", "--remote-name", action="store_true", help="so is this; it is curl's: without a FILE"
    )


def _add_saving(group: Any) -> None:
    group.add_argument(
        "-o",
        "--output",
        "--output-document",
        metavar="FILE",
        help="save as FILE, replacing it when the body is whole; - is stdout",
    )
    group.add_argument(
        "--no-clobber",
        action="store_true",
        help="replace no file with -o either: FILE.1, FILE.2, ... instead",
    )
    group.add_argument(
        "--skip-existing", action="store_true", help="do not fetch what has its file already"
    )
    group.add_argument(
        "-J",
        "--remote-header-name",
        "--content-disposition",
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
        "-C",
        "--continue-at",
        dest="resume",
        type=checks.from_where,
        default=False,
        metavar="-",
        help="with -, the same as --continue",
    )
    group.add_argument(
        "--sha256",
        type=checks.digest,
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
        "--parallel-max",
        type=checks.parallel,
        metavar="N",
        help=f"transfers at a time; default: {DEFAULT_LIMITS.connections_per_host_max} to a host",
    )
    group.add_argument("--fail-early", action="store_true", help="stop at the first failure")


def _add_request(group: Any) -> None:
    group.add_argument(
        "-H",
        "--header",
        action="append",
        type=checks.header,
        default=[],
        metavar="NAME:VALUE",
        help="send this field instead of ours; repeatable",
    )
    group.add_argument(
        *("-X", "--request", "--method"),
        type=checks.method,
        metavar="METHOD",
        help="default: GET, or what -d and -T ask",
    )
    group.add_argument(
        *("-A", "--user-agent"),
        type=checks.value,
        metavar="NAME",
        help="who asks; default: reactor",
    )
    group.add_argument(
        "-e", "--referer", type=checks.value, metavar="URL", help="where the URL was found"
    )
    group.add_argument(
        "-r", "--range", type=checks.range_of_bytes, metavar="FIRST-LAST", help="only these bytes"
    )
    group.add_argument(
        "-b",
        "--cookie",
        "--load-cookies",
        action="append",
        default=[],
        metavar="NAME=VALUE|FILE",
        help="send these cookies, or those in FILE as their hosts ask for them; repeatable",
    )
    group.add_argument(
        "-c",
        "--cookie-jar",
        "--save-cookies",
        metavar="FILE",
        help="keep cookies, and write them into FILE at the end; - is stdout",
    )
    _add_bodies(group)
    _add_identity(group)


def _add_bodies(group: Any) -> None:
    group.add_argument(
        "-I", "--head", action="store_true", help="ask for the header only (method HEAD)"
    )
    group.add_argument(
        "-d",
        "--data",
        "--data-ascii",
        "--data-binary",
        "--post-data",
        "--body-data",
        action="append",
        default=[],
        metavar="DATA",
        help="send a form (POST); @FILE sends a file's content; repeatable, joined by &",
    )
    group.add_argument(
        "--data-raw",
        action="append",
        dest="data",
        type=lambda text: text.encode("utf-8", "surrogateescape"),
        metavar="DATA",
        help="the same, and a first @ is one",
    )
    group.add_argument("--json-data", metavar="DATA", help="send JSON (POST); @FILE as with -d")
    group.add_argument("-T", "--upload-file", metavar="FILE", help="send a file (PUT)")


def _add_identity(group: Any) -> None:
    group.add_argument(
        "-u",
        "--user",
        metavar="NAME[:PASSWORD]",
        help="Basic authentication; without a password, the terminal is asked for it",
    )
    group.add_argument("-n", "--netrc", action="store_true", help="name and password from ~/.netrc")
    group.add_argument(
        "--compressed", action="store_true", help="ask for gzip or deflate, and save it decoded"
    )


def _add_transfer(group: Any) -> None:
    group.add_argument(
        "-m", "--max-time", type=seconds, metavar="S", help="bound of one whole transfer"
    )
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
        "--max-redirect",
        type=whole(0, 999),
        default=DEFAULT_LIMITS.redirects_max,
        metavar="N",
        help="default: %(default)s",
    )
    _add_connection(group)


def _add_connection(group: Any) -> None:
    one = group.add_mutually_exclusive_group()
    for number in (4, 6):
        one.add_argument(
            f"-{number}",
            f"--ipv{number}",
            f"--inet{number}-only",
            dest="ip",
            action="store_const",
            const=number,
            help=f"connect by IPv{number} only",
        )
    group.add_argument(
        "--limit-rate",
        type=checks.rate,
        metavar="N[k|m|g]",
        help="bytes that each transfer takes in a second",
    )
    group.add_argument("-x", "--proxy", metavar="URL", help="instead of http_proxy and https_proxy")
    group.add_argument(
        "--cacert", "--ca-certificate", metavar="FILE", help="trust these certificates only (PEM)"
    )
    group.add_argument(
        "-E", "--cert", "--certificate", metavar="FILE", help="show this certificate (PEM)"
    )
    group.add_argument(
        "--key", "--private-key", metavar="FILE", help="its key (PEM); default: in the same file"
    )
    group.add_argument("--tls-max", choices=("1.2", "1.3"), help="no later version of TLS")
    group.add_argument(
        "--pinnedpubkey",
        metavar="KEYS",
        help="ask only a server with one of these public keys: sha256//BASE64, with ; between "
        "several, or a file of one",
    )
    group.add_argument(
        "--unix-socket", metavar="PATH", help="connect there, whatever host the URL names"
    )
    group.add_argument(
        "-k",
        "--insecure",
        "--no-check-certificate",
        action="store_true",
        help="believe any certificate: DANGEROUS",
    )


def _add_showing(group: Any) -> None:
    group.add_argument(
        "-q", "--quiet", "-s", "--silent", action="store_true", help="say nothing but failures"
    )
    group.add_argument(
        "-v", "--verbose", action="store_true", help="show the whole exchange on stderr"
    )
    group.add_argument(
        "--json", action="store_true", help="print a JSON object for each URL, and no header"
    )
    group.add_argument(
        "-w",
        "--write-out",
        type=checks.write_out,
        metavar="FORMAT",
        help="print this for each URL, as '%%{http_code}\\n', and no header; @FILE reads it",
    )


def conflict(options: argparse.Namespace) -> str | None:
    """What does not go together, in a sentence; None if all is well."""
    many = len(options.urls) > 1 or options.input_file is not None
    bodies = [bool(options.data), options.json_data is not None, options.upload_file is not None]
    if (sentence := _mistaken(options)) is not None:
        return sentence
    if not options.urls and options.input_file is None:
        return "no URL: write reactor get URL, or -i FILE"
    if sum(bodies) > 1:
        return "-d, --json-data and -T each send a body: give one of them"
    if options.head and any(bodies):
        return "-I asks for a header only: it sends no body"
    if options.key is not None and options.cert is None:
        return "--key is the key of a certificate: give that with --cert"
    if options.output == "-" and options.json:
        return "--json and -o - both write to stdout: give one of them"
    if many and options.upload_file == "-":
        return "-T - sends stdin, which is there once: give one URL"
    if many and options.sha256 not in {None, "-"}:
        return "--sha256 HEX is the hash of one file: give one URL"
    if options.range is not None and (options.resume or options.sha256 not in {None, "-"}):
        return "-r asks for a part: leave out --continue, and --sha256 of the whole"
    if options.json and options.write_out is not None:
        return "--json and -w both write to stdout: give one of them"
    if options.cookie_jar == "-" and (options.json or options.output == "-"):
        return "-c - writes to stdout, which is in use: give a file"
    if many and options.output is not None and names_a_file(options.output):
        return f"{options.output} cannot be the file of many URLs: leave out -o"
    return None


def _mistaken(options: argparse.Namespace) -> str | None:
    """Options that mean something else to wget, or to curl, than they do here."""
    asked = "://"
    if asked in (options.input_file or ""):
        return "-i FILE is a list of URLs; the header is printed without it"
    if asked in (options.cookie_jar or ""):
        return "-c FILE is where cookies go; to continue a download write --continue"
    if any(asked in text.partition("=")[0] for text in options.cookie):
        return "-b sends cookies, and takes NAME=VALUE or a FILE"
    if options.upload_file is not None and options.upload_file.isdigit():
        return "-T FILE sends a file; a time-out is --max-time S"
    first, *rest = options.urls or [""]
    if options.remote_name and asked not in first and any(asked in url for url in rest):
        return f"-O takes no file: write -o {first}, or http://{first} if that is a URL"
    if options.json and first[:1] in {"{", "["}:
        return "--json prints JSON; to send it write --json-data"
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
    said = [
        ("User-Agent", options.user_agent),
        ("Referer", options.referer),
        ("Range", options.range and f"bytes={options.range}"),
        ("Cookie", "; ".join(text for text in options.cookie if "=" in text)),
    ]
    implied = [(name, value) for name, value in said if value]
    if options.json_data is not None:
        implied += [("Content-Type", "application/json"), ("Accept", "application/json")]
    elif options.data:
        implied += [("Content-Type", "application/x-www-form-urlencoded")]
    return [field for field in implied if field[0].lower() not in given] + list(options.header)


def _content(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
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
