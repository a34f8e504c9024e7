"""Numbers in text: ASCII digits and nothing else."""

def parse_digits(text: str, digits_max: int) -> int | None:
    """The number that 1 to ``digits_max`` ASCII digits stand for, at most 19; None for anything
    else.

    >>> parse_digits("007", 4), parse_digits("1_0", 4), parse_digits("12345", 4)
    (7, None, None)
    """

def parse_saturated(text: str) -> int | None:
    """The number that ASCII digits stand for, however many; 10**19 - 1 for what is larger. None for
    anything else.

    >>> parse_saturated("007"), parse_saturated("9" * 30), parse_saturated("")
    (7, 9999999999999999999, None)
    """
