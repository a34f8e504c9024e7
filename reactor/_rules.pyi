"""Every rule that a peer can break, as data for tests and documentation."""

RULES: tuple[tuple[int, str, str, str], ...]
"""(status, code, sentence, source) of each rule; the first one is no rule."""
