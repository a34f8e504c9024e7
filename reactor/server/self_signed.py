"""A certificate for development, that this machine has signed for itself.

The `ssl` module cannot sign, so ``openssl`` does, if it is there. The certificate is kept, so that
a browser has to be told to trust it only once, and is made anew before it expires.

Must never know: who serves with it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reactor.errors import ConfigurationError
from reactor.net.x509 import read_certificate

DAYS = 30
# With less than that left it is made anew: it shall not expire while it is used.
LEFT_MIN = timedelta(days=2)
# What openssl takes is some 10 ms; who has no randomness waits longer.
OPENSSL_TIMEOUT_S = 30
NAMES = "DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1"


def self_signed(folder: Path | None = None) -> tuple[str, str]:
    """The path of a file with certificate and key, and the certificate's SHA-256.

    Raises:
        ConfigurationError: there is none, and none can be made.
    """
    folder = folder or _state_folder()
    path = folder / "self-signed.pem"
    try:
        if not _is_usable(path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
        return str(path), _fingerprint(path)
    except OSError as error:
        raise ConfigurationError(
            f"no certificate can be kept in {folder}: {error.strerror or error} "
            "(XDG_STATE_HOME says where)"
        ) from error


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME", "")
    # The specification: a path that is not absolute is to be ignored.
    state = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return state / "reactor" / "tls"


def _der(path: Path) -> bytes:
    text = path.read_text("ascii")
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE-----") :])


def _is_usable(path: Path) -> bool:
    try:
        certificate = read_certificate(_der(path))
    except (OSError, ValueError):
        return False
    return certificate.not_after - datetime.now(UTC) > LEFT_MIN


def _fingerprint(path: Path) -> str:
    digest = hashlib.sha256(_der(path)).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def _make(path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        raise ConfigurationError(
            "--tls-self-signed needs the program openssl, which is not here: install it, or make a "
            "certificate with mkcert or trustme and give it with --ssl-certfile"
        )
    part = path.with_name(f".{path.name}.{os.getpid()}")
    command = [
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", str(DAYS), "-subj", "/CN=localhost"),
        *("-addext", f"subjectAltName={NAMES}", "-keyout", "-", "-out", "-"),
    ]
    try:
        made = subprocess.run(  # noqa: S603 - nothing in it is of others
            command, capture_output=True, timeout=OPENSSL_TIMEOUT_S, check=True
        )
        # Nobody else may ever read it, not even while it is written.
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(made.stdout)
        part.replace(path)
    except (subprocess.SubprocessError, OSError) as error:
        part.unlink(missing_ok=True)
        said = getattr(error, "stderr", None) or b""
        raise ConfigurationError(
            f"openssl has made no certificate: {said.decode(errors='replace').strip() or error}"
        ) from error
