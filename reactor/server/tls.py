"""How a server speaks TLS: what a user asks for, the contexts made of it, and how they are renewed.

    TlsOptions ─> Contexts.load ─> pairs, one context each ─> proven by a handshake in memory
                       └ the context that serves; its SNI callback picks one by the name asked for

A context that serves is never loaded into: a key that does not fit its certificate would break it
for everybody. New files make new contexts; when one has proven itself it takes the place of the
old, and the connections that there are keep theirs.

Must never know: who accepts connections, or how bytes are sent.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from reactor._value import Value
from reactor.errors import ConfigurationError
from reactor.log import log
from reactor.net.x509 import Certificate
from reactor.parser._arrival import CertifiedHosts
from reactor.parser.forwarded import bare_host, parse_ip
from reactor.server.certificates import (
    CertificateError,
    load_authorities,
    load_pair,
    read_password,
)

# ECDHE and an AEAD: with TLS 1.2 these are what no attack is known for. TLS 1.3 has no others.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
REQUESTED = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
# Two messages each way are a handshake; one that takes more turns in memory never ends.
PROOF_TURNS_MAX = 10


class TlsOptions(Value):
    """What `serve` is told about TLS.

    Raises (`Contexts` does):
        ConfigurationError: a file cannot be used, or two options exclude each other.
    """

    certificates: tuple[tuple[str, str | None], ...] = ()
    """Paths of certificate and key, in PEM; the key may be in the first. The first pair is for
    clients that name no host, or one that no pair is for."""
    password_file: str | None = None
    """The first line of this file opens encrypted keys."""
    password: str | None = None
    """What opens them, if there is no such file."""
    ca_certs: str | None = None
    """Who signs the certificates of clients."""
    cert_reqs: Literal["none", "optional", "required"] = "none"
    """Whether clients are asked for a certificate, and whether they must have one."""
    minimum: Literal["1.2", "1.3"] = "1.2"
    ciphers: str = CIPHERS
    """Of TLS 1.2, in OpenSSL's words."""
    sni_strict: bool = False
    """Refuse a client that asks for a host that no certificate names."""
    insecure_key_mode: bool = False
    """Take a key that others can read."""
    make_context: Callable[[], ssl.SSLContext] | None = None
    """Makes the context, instead of all that stands above."""
    alpn: tuple[str, ...] = ("http/1.1",)


class Contexts:
    """The contexts of a server; `serving` is the one for those who connect now.

    Args:
        options: what they are made of.

    Raises:
        ConfigurationError: the first ones cannot be made.
    """

    def __init__(self, options: TlsOptions) -> None:
        self._options = options
        self._check()
        self.failed = ""  # what was said last; "": the last files could be used
        self.loaded_at = time.time()
        self._stamp = self._stamps()
        self.certificates: list[Certificate] = []
        self.serving = self._load()

    @property
    def alpn(self) -> tuple[str, ...]:
        """The protocols that are spoken; (): it is the context's matter, or any."""
        return () if self._options.make_context else self._options.alpn

    def _check(self) -> None:
        options = self._options
        if options.make_context is not None and options.certificates:
            raise ConfigurationError(
                "a context is made by --ssl-context, or of certificates: leave one out"
            )
        if options.cert_reqs != "none" and not options.ca_certs and not options.make_context:
            raise ConfigurationError(
                f"--ssl-cert-reqs {options.cert_reqs} needs --ssl-ca-certs: "
                "the certificates of those who sign the clients'"
            )
        if options.ca_certs and options.cert_reqs == "none":
            raise ConfigurationError(
                "--ssl-ca-certs asks no client for a certificate: add --ssl-cert-reqs required, "
                "or optional"
            )

    def reload(self) -> bool:
        """Read all files anew; false if they cannot be used: then the old ones serve on."""
        stamp = self._stamps()
        try:
            self.serving = self._load()
        except ConfigurationError as error:
            self._stamp = stamp
            if str(error) != self.failed:
                self.failed = str(error)
                log(logging.ERROR, "the certificates in use stay: %s", error)
            return False
        self._stamp, self.failed, self.loaded_at = stamp, "", time.time()
        until = min((c.not_after for c in self.certificates), default=None)
        log(
            logging.WARNING,
            "certificates are loaded anew%s",
            f", valid until {until:%Y-%m-%d}" if until else "",
        )
        return True

    def reload_if_changed(self) -> bool:
        """`reload`, if one of the files is another one than before."""
        return self._stamps() != self._stamp and self.reload()

    def _stamps(self) -> list[tuple[int, ...] | None]:
        options = self._options
        paths = [path for pair in options.certificates for path in pair]
        return [_stamp(path) for path in [*paths, options.password_file, options.ca_certs] if path]

    def _load(self) -> ssl.SSLContext:
        options = self._options
        if options.make_context is not None:
            context = _made(options.make_context)
            prove(context)
            self.certificates = []
            return context
        password = options.password
        if options.password_file:
            password = read_password(options.password_file)
        loaded: list[tuple[ssl.SSLContext, Certificate]] = []
        for certfile, keyfile in options.certificates:
            context = self._new_context()
            certificate, warnings = load_pair(
                context, certfile, keyfile, password, options.insecure_key_mode
            )
            prove(context, certfile)
            for warning in warnings:
                log(logging.WARNING, "%s", warning)
            self._ask_clients(context)
            loaded.append((context, certificate))
        first = loaded[0][0]
        first.sni_callback = _Names(loaded, options.sni_strict).pick
        self.certificates = [certificate for _, certificate in loaded]
        return first

    def _new_context(self) -> ssl.SSLContext:
        options = self._options
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[options.minimum]
        context.options |= ssl.OP_NO_RENEGOTIATION
        if options.alpn:
            context.set_alpn_protocols(list(options.alpn))
        try:
            context.set_ciphers(options.ciphers)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"OpenSSL knows no cipher in {options.ciphers!r}: see `openssl ciphers -v`"
            ) from error
        return context

    def _ask_clients(self, context: ssl.SSLContext) -> None:
        options = self._options
        if options.ca_certs:
            load_authorities(context, options.ca_certs)
        context.verify_mode = REQUESTED[options.cert_reqs]


class _Names:
    """Which context is for which host."""

    def __init__(self, loaded: list[tuple[ssl.SSLContext, Certificate]], strict: bool) -> None:
        self._strict = strict
        self._default = loaded[0][0]
        self._pairs: dict[str, tuple[ssl.SSLContext, CertifiedHosts]] = {}
        for context, certificate in loaded:
            hosts = CertifiedHosts(partial(_is_named, certificate))
            for name in certificate.names:
                self._pairs.setdefault(name, (context, hosts))

    def pick(
        self, connection: Any, name: str | None, context: ssl.SSLContext
    ) -> ssl.AlertDescription | None:
        """Called by OpenSSL in a handshake."""
        found = self._find((name or "").lower())
        if found is None:
            if self._strict:
                return ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return None
        context, connection.certified_hosts = found
        if context is not self._default:
            connection.context = context
        return None

    def _find(self, name: str) -> tuple[ssl.SSLContext, CertifiedHosts] | None:
        exact = self._pairs.get(name)
        return exact or self._pairs.get(_wildcard_of(name))


def _wildcard_of(name: str) -> str:
    # RFC 6125 6.4.3: a wildcard is one label, and the leftmost.
    return f"*.{name.partition('.')[2]}"


def _is_named(certificate: Certificate, authority: str) -> bool:
    host = bare_host(authority)
    return (
        host in certificate.names
        or _wildcard_of(host) in certificate.names
        or str(parse_ip(host)) in certificate.addresses
    )


def _made(make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = make()
    if not isinstance(context, ssl.SSLContext):
        raise ConfigurationError(f"--ssl-context returned {type(context).__name__}, no SSLContext")
    return context


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def prove(context: ssl.SSLContext, named: str = "--ssl-context") -> None:
    """Do a handshake with it, in memory: what fails here would fail for every client.

    Raises:
        CertificateError: it fails.
    """
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    try:
        for _ in range(PROOF_TURNS_MAX):
            waiting = [end for end in waiting if not _shaken(end)]
            if not waiting:
                return
    except ssl.SSLError as error:
        # One that asks clients for certificates works: this client has none.
        if error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            return
        raise CertificateError(
            f"{named} cannot be served with: {(error.reason or str(error)).lower()}"
        ) from error
    raise CertificateError(f"{named} cannot be served with: the handshake does not end")


def _shaken(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
