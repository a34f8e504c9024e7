"""Why a TLS handshake failed, in words: OpenSSL's own name a function of OpenSSL."""

from __future__ import annotations

import ssl

# What OpenSSL calls it, and what a person would. Of a peer's alert: what the peer said.
_REASONS = {
    "UNSUPPORTED_PROTOCOL": "the client speaks no version of TLS that is allowed here",
    "UNSUPPORTED_PROTOCOL_VERSION": "the client speaks no version of TLS that is allowed here",
    "NO_PROTOCOLS_AVAILABLE": "no version of TLS is allowed here",
    "NO_SHARED_CIPHER": "the client and this server share no cipher",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "the client takes no signature of this certificate's kind",
    "WRONG_VERSION_NUMBER": "what the client sent is not TLS",
    "UNEXPECTED_MESSAGE": "what the client sent is out of order",
    "BAD_RECORD_TYPE": "what the client sent is not TLS",
    "RECORD_LAYER_FAILURE": "what the client sent is not TLS",
    "HTTP_REQUEST": "the client speaks HTTP in plain text",
    "HTTPS_PROXY_REQUEST": "the client takes this server for a proxy",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the client has sent no certificate",
    "CERTIFICATE_VERIFY_FAILED": "the client's certificate is not trusted here",
    "TLSV1_ALERT_UNKNOWN_CA": "the client does not know who has signed this certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the client does not trust this certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the client calls this certificate bad",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client says that this certificate has expired",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the client has given up the handshake",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the client wants another version of TLS",
    "TLSV1_ALERT_INTERNAL_ERROR": "the client has failed",
    "NO_APPLICATION_PROTOCOL": "the client speaks no HTTP/1.1 (ALPN)",
    "UNEXPECTED_EOF_WHILE_READING": "the client has left in the middle of it",
}


def reason_of(error: BaseException | None) -> str:
    """One sentence about what has failed; None: the client spoke HTTP in plain text.

    >>> reason_of(ConnectionResetError(104, "Connection reset by peer"))
    'Connection reset by peer'
    """
    if error is None:
        return _REASONS["HTTP_REQUEST"]
    if isinstance(error, ssl.SSLEOFError):
        return _REASONS["UNEXPECTED_EOF_WHILE_READING"]
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{_REASONS['CERTIFICATE_VERIFY_FAILED']}: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        name = error.reason or "unknown"
        return _REASONS.get(name, name.lower().replace("_", " "))
    return getattr(error, "strerror", None) or str(error)
