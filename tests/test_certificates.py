"""What is wrong with a certificate or a key: one sentence each, with the file and the cure."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

import pytest
from pem_files import Pems, pems, write

from reactor.server.certificates import (
    CertificateError,
    load_authorities,
    load_pair,
    read_password,
)

__all__ = ["pems"]

JUNK = b"not a certificate\n"


def block(kind):
    return f"-----BEGIN {kind}-----\nAA==\n-----END {kind}-----\n".encode()


def loaded(certfile, keyfile=None, password=None, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return load_pair(context, certfile, keyfile, password, **options)


def wrong(pems: Pems, case: str):
    """(certificate, key, password), and what the sentence must say."""
    certfile, keyfile = pems.pair()
    other = pems.pair("other.example")
    folder, text = pems.folder, Path(certfile).read_bytes()
    leaf = text.decode().partition("-----END")[0] + "-----END CERTIFICATE-----\n"
    made = {
        "no certificate": ((str(folder / "none.pem"), keyfile), "none.pem does not exist"),
        "no key": ((certfile, str(folder / "none.key")), "the key .*none.key does not exist"),
        "a folder": ((str(folder), keyfile), "is no file, but a folder"),
        "an empty certificate": ((write(folder / "e", b"\n"), keyfile), "certificate .* is empty"),
        "an empty key": ((certfile, write(folder / "ek", b"")), "the key .* is empty"),
        "junk": ((write(folder / "j", JUNK), keyfile), "not in PEM .*openssl x509 -inform der"),
        "a key that is junk": ((certfile, write(folder / "jk", JUNK)), "key .* is not in PEM"),
        "DER": ((write(folder / "d", ssl.PEM_cert_to_DER_cert(leaf)), keyfile), "not in PEM"),
        "cut": ((write(folder / "c", text[:300]), keyfile), "breaks off"),
        "a key that is cut": (
            (certfile, write(folder / "ck", Path(keyfile).read_bytes()[:60])),
            "key .* breaks off",
        ),
        "damaged": (
            (write(folder / "x", text.replace(text[40:80], b"A" * 40)), keyfile),
            "damaged: copy it anew",
        ),
        "a byte that is none": (
            (write(folder / "n", text[:100] + b"\0" + text[100:]), keyfile),
            "the certificate .* is damaged",
        ),
        "the wrong way round": ((keyfile, certfile), "the wrong way round"),
        "a certificate for a key": ((certfile, other[0]), "is a certificate: give --ssl-keyfile"),
        "one file without a key": ((certfile, None), "holds a certificate and no key"),
        "of another": ((certfile, other[1]), f"{other[1]} is not the key of {certfile}"),
        "a request": (
            (write(folder / "r", block("CERTIFICATE REQUEST")), keyfile),
            "is a request for a certificate",
        ),
        "a public key": (
            (certfile, write(folder / "p", block("PUBLIC KEY"))),
            "is a public key",
        ),
        "a long file": ((write(folder / "l", b"x" * 2_000_000), keyfile), "over 1048576 bytes"),
    }
    return made[case]


CASES = [
    *("no certificate", "no key", "a folder", "an empty certificate", "an empty key", "junk"),
    *("a key that is junk", "DER", "cut", "a key that is cut", "damaged", "the wrong way round"),
    *("a certificate for a key", "one file without a key", "of another", "a request"),
    *("a public key", "a long file", "a byte that is none"),
]


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_with_the_file_and_the_cure(pems, case):
    given, said = wrong(pems, case)
    with pytest.raises(CertificateError, match=said) as raised:
        loaded(*given)
    assert "_ssl.c" not in str(raised.value)


def test_a_pair_is_loaded_and_tells_what_it_says(pems):
    certfile, keyfile = pems.pair("Example.org", "*.example.org", "127.0.0.1")
    certificate, warnings = loaded(certfile, keyfile)
    assert certificate.names == ("example.org", "*.example.org")
    assert certificate.addresses == ("127.0.0.1",)
    assert not certificate.self_issued
    assert warnings == []
    both = write(pems.folder / "both", *(Path(p).read_bytes() for p in (certfile, keyfile)))
    assert loaded(both)[0] == certificate


def test_a_pipe_is_not_waited_for(pems):
    path = str(pems.folder / "pipe")
    os.mkfifo(path)
    with pytest.raises(CertificateError, match="is no file"):
        loaded(path, path)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_key_that_may_not_be_read(pems):
    certfile, keyfile = pems.pair()
    os.chmod(keyfile, 0)
    with pytest.raises(CertificateError, match="may not be read by this user"):
        loaded(certfile, keyfile)


def test_a_key_that_others_can_read_is_refused_unless_one_says_so(pems):
    certfile, keyfile = pems.pair()
    os.chmod(keyfile, 0o604)
    with pytest.raises(CertificateError, match=r"mode 0604\): chmod 600 .*--insecure-key-mode"):
        loaded(certfile, keyfile)
    loaded(certfile, keyfile, insecure_key_mode=True)


def test_an_encrypted_key_takes_its_password_and_nothing_is_ever_asked(pems):
    certfile, keyfile = pems.pair()
    locked = pems.encrypted(keyfile, "secret")
    # At a terminal OpenSSL would ask there, and this would wait.
    with pytest.raises(CertificateError, match="is encrypted: give --ssl-keyfile-password-file"):
        loaded(certfile, locked)
    with pytest.raises(CertificateError, match="the password does not open the key"):
        loaded(certfile, locked, "wrong")
    assert loaded(certfile, locked, "secret")[0].names == ("localhost",)


def test_the_password_is_the_first_line_of_its_file(pems):
    assert read_password(write(pems.folder / "w", b"pass word \r\nrest")) == "pass word "
    with pytest.raises(CertificateError, match="its first line is the password"):
        read_password(write(pems.folder / "w", b"\nrest"))
    with pytest.raises(CertificateError, match="does not exist"):
        read_password(str(pems.folder / "none"))


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "has expired on"), (5, "expires in 4 days"), (90, None)]
)
def test_a_certificate_that_ends_soon_is_said(pems, days, said):
    warnings = loaded(*pems.pair(days=days))[1]
    assert [said in warning for warning in warnings] == ([True] if said else [])


def test_a_chain_that_is_missing_is_said(pems):
    certfile, keyfile = pems.pair()
    text = Path(certfile).read_bytes()
    alone = write(pems.folder / "alone.pem", text[: text.index(b"-----END") + 26])
    [said] = loaded(alone, keyfile)[1]
    assert "has no chain" in said


def test_authorities(pems):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_authorities(context, pems.ca)
    assert context.cert_store_stats()["x509_ca"] == 1
    with pytest.raises(CertificateError, match="holds no certificate: --ssl-ca-certs"):
        load_authorities(context, pems.pair()[1])


def test_a_socket_is_no_certificate(pems):
    path = str(pems.folder / "socket")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        with pytest.raises(CertificateError, match="is no file"):
            loaded(path)
