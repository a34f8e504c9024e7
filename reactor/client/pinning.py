"""Public keys that a server may have, as ``--pinnedpubkey`` says them (curl's words)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from reactor.errors import ConfigurationError
from reactor.limits import MIB

_HASH = "sha256//"
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)
_FILE_BYTES_MAX = MIB  # a key is some hundred bytes; a device or a pipe has no end


def parse_pins(text: str) -> tuple[bytes, ...]:
    """SHA-256 of each key: of ``sha256//BASE64`` with ``;`` between several, or of a file that
    holds a key in PEM or DER.

    Raises:
        ConfigurationError: in one sentence, what is wrong.
    """
    if text.startswith(_HASH):
        return tuple(map(_hash_of, text.split(";")))
    try:
        with open(text, "rb") as file:
            data = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise ConfigurationError(
            f"--pinnedpubkey {text}: {error.strerror}; give a file of a public key, or "
            "sha256//BASE64"
        ) from error
    pem = _PEM.search(data)
    try:
        key = data if pem is None else base64.b64decode(b"".join(pem[1].split()), validate=True)
    except binascii.Error as error:
        raise ConfigurationError(f"--pinnedpubkey {text}: the key in it is damaged") from error
    if not key.startswith(b"\x30"):  # SubjectPublicKeyInfo is a SEQUENCE (RFC 5280 4.1)
        raise ConfigurationError(f"--pinnedpubkey {text}: there is no public key in it")
    return (hashlib.sha256(key).digest(),)


def _hash_of(text: str) -> bytes:
    try:
        found = base64.b64decode(text.removeprefix(_HASH), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not text.startswith(_HASH) or len(found) != hashlib.sha256().digest_size:
        raise ConfigurationError(f"--pinnedpubkey: {text!r:.80} is no {_HASH}BASE64 of 32 bytes")
    return found
