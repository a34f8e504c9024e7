"""Who is whose child, and what becomes of it at its parent's end (Linux)."""

def adopt_orphans() -> None:
    """From here on this process is the parent of what its children leave behind.

    Raises OSError.
    """

def die_with(parent: int) -> None:
    """Be killed when the process ``parent``, which has forked this one, ends; now, if it has.

    The kernel binds this to the thread that has forked: it has to be the parent's only one.
    Raises OSError.
    """

def outlive(parent: int, between: int, seconds: float) -> None:
    """Be killed ``seconds`` after the end of ``parent``, if this process is there then, whatever
    it does. It was left behind to ``parent`` by the process ``between``, whose end is waited for.

    Raises OSError.
    """
