"""The files of a certificate and of its key, looked at before OpenSSL is asked.

OpenSSL says ``PEM lib`` of a file that is empty, of a key that is given as a certificate and of a
wrong password, and of a file that is not there no name at all. So each is looked at first, and what
is wrong gets a sentence that names the file and the cure.

Must never know: what a context is made of besides, or who serves with it.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from reactor.errors import ConfigurationError
from reactor.net.x509 import Certificate, read_certificate

# A certificate with its chain is some KiB. A file that is longer is another one.
FILE_BYTES_MAX = 1024 * 1024
# Let's Encrypt renews 30 days before the end: what is nearer was not renewed.
WARNED_BEFORE = timedelta(days=14)

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.S)
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_CERTIFICATES = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
_ENCRYPTED = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED")


class CertificateError(ConfigurationError):
    """A certificate, a key or a password cannot be used; the message names the file."""


def read_password(path: str) -> str:
    """The first line of the file.

    Raises:
        CertificateError: it cannot be read, or holds none.
    """
    text = _text(path, "the password file")
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise CertificateError(f"the password file {path} is empty: its first line is the password")
    return password


def load_pair(
    context: ssl.SSLContext,
    certfile: str,
    keyfile: str | None,
    password: str | None = None,
    insecure_key_mode: bool = False,
) -> tuple[Certificate, list[str]]:
    """Load a certificate, its chain and its key into ``context``; what it says, and warnings.

    ``keyfile`` None: the key is in ``certfile`` too. Nothing is ever asked at a terminal.

    Raises:
        CertificateError: one of the files cannot be used.
    """
    chain = _check_certificate(certfile, keyfile)
    key = keyfile or certfile
    encrypted = _check_key(key, certfile, insecure_key_mode)
    if encrypted and password is None:
        raise CertificateError(
            f"the key {key} is encrypted: give --ssl-keyfile-password-file a file with its "
            f"password, or decrypt it: openssl pkey -in {key} -out NEW"
        )
    try:
        context.load_cert_chain(certfile, keyfile, password=_answered(password))
    except ssl.SSLError as error:
        raise CertificateError(_what_is_wrong(error, certfile, key, encrypted)) from error
    except OSError as error:
        raise CertificateError(f"{certfile} or {key}: {error.strerror or error}") from error
    return chain[0], _warnings(certfile, chain)


def load_authorities(context: ssl.SSLContext, path: str) -> None:
    """Trust the certificates in ``path`` to sign those of clients.

    Raises:
        CertificateError: the file holds none, or cannot be read.
    """
    text = _text(path, "the file of authorities")
    if not _CERTIFICATES & set(_BEGIN.findall(text)):
        raise CertificateError(
            f"{path} holds no certificate: --ssl-ca-certs names a PEM file of those who sign "
            "the certificates of clients"
        )
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise CertificateError(f"{path} holds a certificate that cannot be read") from error


def _answered(password: str | None) -> Callable[[], str]:
    # Always a function: without one OpenSSL would ask at the terminal, and a daemon would hang.
    def answer() -> str:
        if password is None:
            raise CertificateError("a key is encrypted, and there is no password for it")
        return password

    return answer


def _text(path: str, what: str) -> str:
    """What is in the file; of binary data, what is text."""
    try:
        # First of all: to open a pipe would wait for its writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CertificateError(f"{what} {path} is no file, but a {_kind(path)}")
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise CertificateError(f"{what} {path} does not exist: check the path") from error
    except PermissionError as error:
        raise CertificateError(
            f"{what} {path} may not be read by this user: start as its owner, or give this user "
            "the right to read it"
        ) from error
    except (OSError, ValueError) as error:
        raise CertificateError(
            f"{what} {path!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    if len(data) > FILE_BYTES_MAX:
        raise CertificateError(f"{what} {path} is over {FILE_BYTES_MAX} bytes: it is another file")
    if not data.strip():
        raise CertificateError(f"{what} {path} is empty")
    return data.decode("latin-1")


def _kind(path: str) -> str:
    return "folder" if os.path.isdir(path) else "pipe or a device"


def _check_certificate(path: str, keyfile: str | None) -> list[Certificate]:
    """The chain in the file, the server's own certificate first."""
    text = _text(path, "the certificate")
    kinds = _BEGIN.findall(text)
    if not kinds:
        raise CertificateError(
            f"the certificate {path} is not in PEM (no -----BEGIN CERTIFICATE-----): "
            f"openssl x509 -inform der -in {path} -out NEW, or of a PKCS#12 file "
            f"openssl pkcs12 -nodes -in {path} -out NEW"
        )
    blocks = [match for match in _BLOCK.finditer(text) if match[1] in _CERTIFICATES]
    if not blocks:
        raise CertificateError(f"{path} {_instead_of_certificate(kinds, keyfile)}")
    try:
        return [read_certificate(_der(match[0])) for match in blocks]
    except ValueError as error:
        raise CertificateError(_damaged(path)) from error


def _damaged(path: str) -> str:
    return f"the certificate {path} is damaged: copy it anew, whole lines, BEGIN to END"


def _der(block: str) -> bytes:
    kind = _BEGIN.match(block)
    name = kind[1] if kind else ""
    return ssl.PEM_cert_to_DER_cert(block.replace(name, "CERTIFICATE"))


def _instead_of_certificate(kinds: list[str], keyfile: str | None) -> str:
    if any(kind in _CERTIFICATES for kind in kinds):
        return "breaks off within the certificate (no -----END CERTIFICATE-----): copy it anew"
    if "CERTIFICATE REQUEST" in kinds or "NEW CERTIFICATE REQUEST" in kinds:
        return "is a request for a certificate: the authority that you send it to gives you one"
    if any(kind.endswith("PRIVATE KEY") for kind in kinds):
        cure = "give --ssl-certfile the certificate"
        if keyfile:
            cure = "--ssl-certfile and --ssl-keyfile are the wrong way round, or both the key"
        return f"is a private key, not a certificate: {cure}"
    return f"holds no certificate, but {kinds[0]}"


def _check_key(path: str, certfile: str, insecure_mode: bool) -> bool:
    """Whether it is encrypted."""
    text = _text(path, "the key")
    kinds = _BEGIN.findall(text)
    if not any(kind.endswith("PRIVATE KEY") for kind in kinds):
        raise CertificateError(_instead_of_key(path, certfile, kinds))
    if not any(match[1].endswith("PRIVATE KEY") for match in _BLOCK.finditer(text)):
        raise CertificateError(f"the key {path} breaks off (no -----END): copy it anew")
    found = os.stat(path)
    # A group may read what is root's, as Debian's ssl-cert has it.
    others = 0o007 if found.st_uid == 0 else 0o077
    if found.st_mode & others and not insecure_mode:
        raise CertificateError(
            f"the key {path} can be read or written by others (mode {found.st_mode & 0o777:04o}): "
            f"chmod 600 {path}, or say --insecure-key-mode"
        )
    return bool(_ENCRYPTED.search(text))


def _instead_of_key(path: str, certfile: str, kinds: list[str]) -> str:
    if path == certfile:
        return (
            f"{path} holds a certificate and no key: give its key with --ssl-keyfile, "
            "or put both into one file"
        )
    if any(kind in _CERTIFICATES for kind in kinds):
        return f"the key {path} is a certificate: give --ssl-keyfile the private key"
    if any(kind.endswith("PUBLIC KEY") for kind in kinds):
        return f"the key {path} is a public key: give --ssl-keyfile the private one"
    if kinds:
        return f"the key {path} holds no private key, but {kinds[0]}"
    return (
        f"the key {path} is not in PEM (no -----BEGIN PRIVATE KEY-----): "
        f"openssl pkey -inform der -in {path} -out NEW"
    )


def _what_is_wrong(error: ssl.SSLError, certfile: str, key: str, encrypted: bool) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key} is not the key of {certfile}: give the two that were made together"
    if error.reason in ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
        return (
            f"{certfile} is too weak for OpenSSL ({error.reason.lower().replace('_', ' ')}): "
            "get one with an EC key, or RSA of 2048 bits or more, signed with SHA-256"
        )
    if not _can_be_loaded(certfile):
        return _damaged(certfile)
    if encrypted:
        return f"the password does not open the key {key}, or the key is damaged"
    return f"the key {key} is damaged, or of a kind that OpenSSL does not know: copy it anew"


def _can_be_loaded(certfile: str) -> bool:
    """Whether OpenSSL takes the certificates, which it does not say of a pair."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=certfile)
    except ssl.SSLError:
        return False
    return True


def _warnings(path: str, chain: list[Certificate]) -> list[str]:
    first = chain[0]
    left = first.not_after - datetime.now(UTC)
    said = []
    if left < timedelta(0):
        said.append(f"{path} has expired on {first.not_after:%Y-%m-%d}: clients will refuse it")
    elif left < WARNED_BEFORE:
        said.append(f"{path} expires in {left.days} days, on {first.not_after:%Y-%m-%d}: renew it")
    if first.not_before > datetime.now(UTC):
        said.append(f"{path} is valid from {first.not_before:%Y-%m-%d %H:%M} on, and not yet")
    if not first.names and not first.addresses:
        said.append(f"{path} names no host (no subjectAltName): browsers will refuse it")
    if len(chain) == 1 and not first.self_issued:
        said.append(
            f"{path} has no chain: clients that do not know its issuer will refuse it "
            "(use fullchain.pem)"
        )
    return said
