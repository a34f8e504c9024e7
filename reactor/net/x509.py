"""What a certificate says: for whom it is, and until when.

The `ssl` module tells it of a peer's certificate that was verified, and of no other. This reads
the few fields that a server needs to know of its own (RFC 5280 4.1): DER is tag, length and value,
one in another.

Must never know: whether a signature is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

from reactor._value import Value

# Tags of DER (X.690) and of GeneralName (RFC 5280 4.2.1.6).
_SEQUENCE, _OCTETS, _UTC_TIME = 0x30, 0x04, 0x17
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")  # 2.5.29.17


class Certificate(Value):
    """The fields of one certificate."""

    serial: str
    """In hexadecimal, as ``openssl x509 -serial`` prints it."""
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    """DNS names, in lower case; the first label of one may be ``*``."""
    addresses: tuple[str, ...]
    self_issued: bool
    """Whether issuer and subject are one."""


def read_certificate(der: bytes) -> Certificate:
    """The fields of a certificate in DER.

    Raises:
        ValueError: it is none.
    """
    try:
        return _read(der)
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("it is no certificate") from error


def _read(der: bytes) -> Certificate:
    ((_, whole),) = _items(der)
    _, signed = next(_items(whole))
    fields = list(_items(signed))
    if fields[0][0] == _VERSION:
        del fields[0]
    serial, _, issuer, validity, subject = (value for _, value in fields[:5])
    not_before, not_after = (_time(tag, value) for tag, value in _items(validity))
    names, addresses = _alternative_names(fields[6:])
    return Certificate(
        serial=serial.hex().upper().removeprefix("00"),
        not_before=not_before,
        not_after=not_after,
        names=names,
        addresses=addresses,
        self_issued=issuer == subject,
    )


def public_key_of(der: bytes) -> bytes:
    """The key of a certificate in DER: its SubjectPublicKeyInfo, in DER again.

    Raises:
        ValueError: it is none.
    """
    try:
        ((_, whole),) = _items(der)
        _, signed = next(_items(whole))
        fields = list(_items(signed))
        tag, key = fields[6 if fields[0][0] == _VERSION else 5]
    except (IndexError, StopIteration) as error:
        raise ValueError("it is no certificate") from error
    size = len(key).to_bytes(4, "big").lstrip(b"\0")
    length = size if len(key) < 0x80 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + length + key


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of each item in ``data``."""
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError("it is cut off")
        yield tag, data[at : at + size]
        at += size


def _time(tag: int, value: bytes) -> datetime:
    # RFC 5280 4.1.2.5: years before 2050 have two digits, and 50 is 1950.
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternative_names(fields: list[tuple[int, bytes]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names, addresses = [], []
    for tag, value in fields:
        if tag != _EXTENSIONS:
            continue
        for _, extension in _items(next(_items(value))[1]):
            parts = list(_items(extension))
            if parts[0][1] != _SUBJECT_ALT_NAME:
                continue
            ((_, listed),) = _items(parts[-1][1])
            for kind, name in _items(listed):
                if kind == _DNS_NAME:
                    names.append(name.decode("ascii").lower())
                elif kind == _IP_ADDRESS:
                    addresses.append(str(ip_address(name)))
    return tuple(names), tuple(addresses)
