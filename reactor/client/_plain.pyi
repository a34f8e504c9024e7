"""What needs no second look: URLs that stand for themselves, harmless names."""

def plain_url(text: str) -> tuple[tuple[str, str, int], str] | None:
    """Origin and target of a URL in which nothing has to be escaped; None for all others.

    >>> plain_url("http://host:8000/a?b"), plain_url("http://me@host/")
    ((('http', 'host', 8000), '/a?b'), None)
    """

def is_plain_name(name: str) -> bool:
    """Whether `names.harmless` would surely change nothing.

    >>> is_plain_name("page.html"), is_plain_name("con.txt"), is_plain_name(".bashrc")
    (True, False, False)
    """
