"""What connections have in common, read once and not for each; and who is told of their end."""

from typing_extensions import disjoint_base

@disjoint_base
class Keeper:
    """What connections have in common, and who is told of their end; see `_keeper.pxd`."""

@disjoint_base
class Caller(Keeper):
    """The keeper of one connection that was made from Python."""
