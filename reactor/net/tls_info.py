"""What a request's TLS was: the version, the cipher, and the certificate of a client that had one.

Only what OpenSSL has verified is told, never what a header says of it.
"""

from __future__ import annotations

import hashlib
import ssl

from reactor._value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# RFC 4514 3: the short names of what is in a distinguished name.
_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_SPECIAL = str.maketrans({character: f"\\{character}" for character in '\\,+"<>;='})
# The numbers of ASGI's tls extension: those on the wire (RFC 8446 4.2.1).
_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class ClientCertificate(Value):
    """A certificate that was verified. Names are in RFC 4514's form, ``CN=...,O=...``."""

    subject: str
    issuer: str
    serial: str
    """In hexadecimal."""
    not_before: str
    not_after: str
    names: tuple[tuple[str, str], ...]
    """Of subjectAltName: ``("DNS", "a.example")``, ``("email", "a@example")``, ..."""
    sha256: str
    """Of the certificate, in hexadecimal."""
    der: bytes

    @property
    def pem(self) -> str:
        return ssl.DER_cert_to_PEM_cert(self.der)


class TlsInfo:
    """Of one connection; `request.tls`.

    Attributes:
        client: the client's `ClientCertificate`; None: it has none, or was not asked.
        environ: what WSGI's environ has of it, under mod_ssl's names; None: nothing is asked.
    """

    __slots__ = ("_extension", "_sock", "client", "environ")

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._extension: dict[str, Any] | None = None
        self.client: ClientCertificate | None = None
        self.environ: dict[str, str] | None = None
        if sock.context.verify_mode is not ssl.CERT_NONE:
            self.client = _client_of(sock)
            self.environ = _environ_of(self)

    @property
    def version(self) -> str | None:
        """``TLSv1.3`` or ``TLSv1.2``; None once the connection is closed."""
        return self._sock.version()

    @property
    def cipher(self) -> str | None:
        cipher = self._sock.cipher()
        return None if cipher is None else cipher[0]

    @property
    def extension(self) -> dict[str, Any]:
        """What an ASGI scope has of it (ASGI's tls extension). Our own certificate is not told."""
        if self._extension is None:
            client = self.client
            known = self._sock.context.get_ciphers()
            suites = {suite["name"]: suite["id"] & 0xFFFF for suite in known}
            self._extension = {
                "server_cert": None,
                "client_cert_chain": [] if client is None else [client.pem],
                "client_cert_name": None if client is None else client.subject,
                "client_cert_error": None,
                "tls_version": _VERSIONS.get(self.version or ""),
                "cipher_suite": suites.get(self.cipher or ""),
            }
        return self._extension


def _client_of(sock: ssl.SSLSocket) -> ClientCertificate | None:
    der = sock.getpeercert(binary_form=True)
    told: Any = sock.getpeercert()
    if not der or not told:
        return None
    return ClientCertificate(
        subject=_name(told.get("subject", ())),
        issuer=_name(told.get("issuer", ())),
        serial=told.get("serialNumber", ""),
        not_before=told.get("notBefore", ""),
        not_after=told.get("notAfter", ""),
        names=tuple(told.get("subjectAltName", ())),
        sha256=hashlib.sha256(der).hexdigest(),
        der=der,
    )


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    # RFC 4514 2.1: the last comes first.
    return ",".join("+".join(map(_attribute, part)) for part in reversed(parts))


def _attribute(pair: tuple[str, str]) -> str:
    name, value = pair
    text = value.translate(_SPECIAL)
    if text[:1] in ("#", " "):
        text = f"\\{text}"
    if text.endswith(" ") and len(text) > 1:
        text = f"{text[:-1]}\\ "
    return f"{_SHORT.get(name, name)}={text}"


def _environ_of(info: TlsInfo) -> dict[str, str]:
    environ = {
        "SSL_PROTOCOL": info.version or "",
        "SSL_CIPHER": info.cipher or "",
        "SSL_CLIENT_VERIFY": "NONE",
    }
    client = info.client
    if client is None:
        return environ
    environ.update(
        SSL_CLIENT_VERIFY="SUCCESS",
        SSL_CLIENT_S_DN=client.subject,
        SSL_CLIENT_I_DN=client.issuer,
        SSL_CLIENT_M_SERIAL=client.serial,
        SSL_CLIENT_V_START=client.not_before,
        SSL_CLIENT_V_END=client.not_after,
        SSL_CLIENT_FINGERPRINT=client.sha256,
        SSL_CLIENT_CERT=client.pem,
    )
    counts: dict[str, int] = {}
    for kind, value in client.names:
        number = counts[kind] = counts.get(kind, -1) + 1
        environ[f"SSL_CLIENT_SAN_{kind.replace(' ', '_')}_{number}"] = str(value)
    return environ
