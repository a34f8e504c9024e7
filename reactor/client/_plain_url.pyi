"""What needs no second look: URLs that stand for themselves, harmless names."""

def plain_url(text: str) -> tuple[tuple[str, str, int], str] | None:
    """Origin and target of a URL in which nothing has to be escaped; None for all others.

    >>> plain_url("http://host:8000/a?b"), plain_url("http://me@host/")
    ((('http', 'host', 8000), '/a?b'), None)
    """

def plain_name(target: str) -> str | None:
    """The last name of a target's path, if `names.harmless` would surely change nothing.

    >>> plain_name("/a/page.html?x=/y"), plain_name("/a/con.txt"), plain_name("/")
    ('page.html', None, None)
    """
