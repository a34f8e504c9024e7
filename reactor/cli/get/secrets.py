"""What may not be shown: passwords in URLs, and the fields that are as good as one.

Knows where secrets are written. Must never write anything itself.
"""

from __future__ import annotations

from reactor.http.ascii import lower

# Whoever looks over the user's shoulder, or reads his log, must not learn these.
_SECRET = {"authorization", "proxy-authorization", "cookie", "set-cookie"}


def visible(url: str) -> str:
    """A URL without the password that may be in it.

    >>> visible("http://me:secret@host/x"), visible("http://host/@x")
    ('http://host/x', 'http://host/@x')
    """
    if "@" not in url:
        return url
    from urllib.parse import urlsplit

    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return url.rpartition("@")[2]
    return url.replace(netloc, netloc.rpartition("@")[2], 1) if "@" in netloc else url


def redacted(line: str) -> str:
    """A header line, without the value if that is a secret.

    >>> redacted("Cookie: id=1"), redacted("Accept: */*")
    ('Cookie: [redacted]', 'Accept: */*')
    """
    name, colon, _ = line.partition(":")
    return f"{name}: [redacted]" if colon and lower(name) in _SECRET else line
