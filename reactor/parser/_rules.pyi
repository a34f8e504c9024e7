"""Every rule that a peer can break, as data for tests and documentation."""

from typing import Any

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

RULES: tuple[tuple[int, str, str, str], ...]
"""(status, code, sentence, source) of each rule; the first one is no rule."""
