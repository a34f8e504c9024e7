from collections.abc import Iterable

def insist(numbers: Iterable[int], patience_s: float, serves: bool = True) -> None:
    """From now on the second of these signals, of whatever kinds, ends the process by then, with
    exit code 128 + its number, wherever it is; the third one does at once. If it does not
    serve yet, the first one does, SIGTERM with exit code 0, and the second one at once.

    Call it when Python's handlers are in place: they are called too. Who puts the former handlers
    back by `signal.signal` ends it; `relent` is still to be called.

    Raises ValueError: there is no such signal.
    """

def relent() -> None:
    """What the second signal has started is called off, and SIGALRM given back. Idempotent."""

def exit_within(patience_s: float, code: int) -> None:
    """End the process with this exit code after so long, if it does not end before."""
