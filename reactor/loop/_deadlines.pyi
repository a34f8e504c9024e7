from typing_extensions import disjoint_base

@disjoint_base
class Deadlines:
    """The deadlines of a loop's registrations; ``len`` counts the entries of its heap."""

    def __len__(self) -> int: ...
