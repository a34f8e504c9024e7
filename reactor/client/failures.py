"""What went wrong with a transfer: one sentence, and curl's number for its kind.

Knows which error of the network, of TLS or of HTTP means what to a user. Must never show a
password: URLs come here without one.
"""

from __future__ import annotations

import os
import sys
from socket import EAI_AGAIN

from reactor.errors import FetchError, ProtocolError

# Not the file that was wanted. curl has no number for it; that of a failed `sha256sum -c` is 1.
EXIT_CHECKSUM = 1
# curl's numbers, which scripts know.
EXIT_URL = 3
EXIT_PROXY = 5
EXIT_RESOLVE = 6
EXIT_CONNECT = 7
EXIT_PROTOCOL = 8
EXIT_PARTIAL = 18
EXIT_HTTP = 22
EXIT_WRITE = 23
EXIT_TIMEOUT = 28
EXIT_TLS = 35
EXIT_CLOSED = 42  # curl's "aborted by callback"
EXIT_REDIRECTS = 47
EXIT_EMPTY = 52
EXIT_RECEIVE = 56
EXIT_CERTIFICATE = 60
EXIT_ENCODING = 61
EXIT_PINNED = 90
# What a shell says of a program that wrote into a closed pipe; nobody is there to be told.
EXIT_NOBODY_READS = 141

# What a body that had begun to come may end by, and what may be over at the next try.
PASSING_EXITS = {EXIT_PARTIAL, EXIT_TIMEOUT, EXIT_EMPTY, EXIT_RECEIVE}

# OpenSSL's words, as a user has them.
_TLS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "HTTP_REQUEST": "it does not speak TLS",
    "RECORD_LAYER_FAILURE": "it does not speak TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it speaks no TLS 1.2 or later",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS 1.2 or later",
    "UNEXPECTED_EOF_WHILE_READING": "it closed the connection",
}


def resolve_failure(text: str, host: str, error: OSError, of_a_proxy: bool) -> FetchError:
    """Why there is no address for a host."""
    whose = f"the proxy's host {host!r}" if of_a_proxy else f"the host {host!r}"
    if isinstance(error, TimeoutError):
        return FetchError(f"{text}: {whose} was not looked up in time", EXIT_TIMEOUT)
    code = EXIT_PROXY if of_a_proxy else EXIT_RESOLVE
    if error.errno == EAI_AGAIN:  # no name server answers
        return FetchError(f"{text}: {whose} cannot be looked up: {error.strerror}", code)
    return FetchError(f"{text}: {whose} is not known", code)


def family_failure(text: str, host: str, is_6: bool) -> FetchError:
    """A host has addresses, but none of the version that the user wants."""
    version = "IPv6" if is_6 else "IPv4"
    return FetchError(f"{text}: the host {host!r} has no {version} address", EXIT_RESOLVE)


def connect_failure(text: str, where: str, error: Exception) -> FetchError:
    """Why no connection was made for the URL ``text``."""
    match error:
        case FetchError():
            return error
        case TimeoutError():
            return FetchError(f"{text}: {where} did not answer in time", EXIT_TIMEOUT)
        case ConnectionRefusedError():
            return FetchError(
                f"{text}: nothing listens on {where}; is the server started?", EXIT_CONNECT
            )
        case OSError():
            reason = error.strerror or str(error)
            return FetchError(f"{text}: cannot connect to {where}: {reason}", EXIT_CONNECT)
        case _:
            raise error


def tls_failure(text: str, where: str, error: Exception) -> FetchError:
    """Why the TLS handshake failed."""
    ssl = sys.modules["ssl"]  # loaded, or there would be no handshake
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message.rstrip(".")
        return FetchError(
            f"{text}: the certificate of {where} is not trusted: {reason}; "
            "if you know the authority that signed it, give it with --cacert",
            EXIT_CERTIFICATE,
        )
    if isinstance(error, sys.modules["reactor.net.tls"].PinnedKeyError):
        return FetchError(f"{text}: {where} is not asked: {error.args[-1]}", EXIT_PINNED)
    if isinstance(error, TimeoutError):
        return FetchError(f"{text}: {where} did not finish the TLS handshake", EXIT_TIMEOUT)
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return FetchError(f"{text}: no TLS with {where}: {_TLS.get(reason, reason)}", EXIT_TLS)


def named_failure(error: FetchError, given: str, text: str) -> FetchError:
    """A failure with the URL that it went wrong with, as it may be shown, not as it was given."""
    message = error.message.replace(given, text)
    if text not in message:
        message = f"{text}: {message}"
    return error if message == error.message else FetchError(message, error.exit_code)


def write_failure(text: str, where: str, error: OSError) -> FetchError:
    """Why a body cannot be saved."""
    if isinstance(error, BrokenPipeError):
        return FetchError(f"{text}: nobody reads what is written", EXIT_NOBODY_READS)
    reason = error.strerror or os.strerror(error.errno or 0)
    return FetchError(f"{text}: cannot write {where}: {reason}", EXIT_WRITE)


def transfer_failure(
    text: str, where: str, error: Exception, response_begun: bool, in_body: bool
) -> FetchError:
    """Why a response did not come whole; ``response_begun``: some of it came."""
    match error:
        case FetchError():
            return error
        case ProtocolError(code="incomplete") | ConnectionError() if not response_begun:
            code = EXIT_RECEIVE if isinstance(error, ConnectionResetError) else EXIT_EMPTY
            return FetchError(f"{text}: {where} closed the connection without an answer", code)
        case ProtocolError(code="incomplete"):
            return FetchError(f"{text}: the response broke off before its end", EXIT_PARTIAL)
        case ProtocolError():
            return FetchError(f"{text}: that is no valid HTTP response: {error}", EXIT_PROTOCOL)
        case TimeoutError():
            return FetchError(f"{text}: {where} did not answer in time", EXIT_TIMEOUT)
        case OSError():
            code = EXIT_PARTIAL if in_body else EXIT_RECEIVE
            return FetchError(f"{text}: the response broke off before its end", code)
        case _:
            raise error
