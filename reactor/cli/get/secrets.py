"""What may not be shown: the fields that are as good as a password.

Knows where secrets are written. Must never write anything itself.
"""

from __future__ import annotations

from reactor.http.ascii import lower

# A person who looks over the user's shoulder, or reads the log, must not learn these.
_SECRET = {"authorization", "proxy-authorization", "cookie", "set-cookie"}


def redacted(line: str) -> str:
    """A header line, without the value if that is a secret.

    >>> redacted("Cookie: id=1"), redacted("Accept: */*")
    ('Cookie: [redacted]', 'Accept: */*')
    """
    name, colon, _ = line.partition(":")
    return f"{name}: [redacted]" if colon and lower(name) in _SECRET else line
