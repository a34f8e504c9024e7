"""Certificates and keys as files, good ones and each kind of wrong one."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization


def write(path: Path, *parts: bytes) -> str:
    path.write_bytes(b"".join(parts))
    path.chmod(0o600)
    return str(path)


class Pems:
    """What an authority has issued, in a folder: paths of certificate and key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca = write(folder / "ca.pem", self.authority.cert_pem.bytes())

    def pair(self, name: str = "localhost", *more: str, days: int = 90) -> tuple[str, str]:
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        since = until - datetime.timedelta(days=365)
        issued = self.authority.issue_cert(name, *more, not_before=since, not_after=until)
        stem = name.replace("*", "any").replace("@", "-")
        chain = [blob.bytes() for blob in issued.cert_chain_pems]
        return (
            write(self.folder / f"{stem}.pem", *chain, self.authority.cert_pem.bytes()),
            write(self.folder / f"{stem}.key", issued.private_key_pem.bytes()),
        )

    def encrypted(self, keyfile: str, password: str) -> str:
        key = serialization.load_pem_private_key(Path(keyfile).read_bytes(), None)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )
        return write(Path(keyfile + ".locked"), text)

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts what is issued here."""
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["http/1.1"])
        return context


@pytest.fixture
def pems(tmp_path: Path) -> Pems:
    folder = tmp_path / "pems"
    folder.mkdir()
    return Pems(folder)
