"""Text in our pages: the folder's, the status's, a comparison's."""

from __future__ import annotations

import html


def text(words: str) -> str:
    r"""Escaped, and what cannot be printed replaced.

    >>> text("<b>\x00")
    '&lt;b&gt;\ufffd'
    """
    return html.escape("".join(c if c.isprintable() else "\ufffd" for c in words))
