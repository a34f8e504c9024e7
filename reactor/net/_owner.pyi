"""What connections have in common, read once and not for each; and who is told of their end."""

from typing_extensions import disjoint_base

@disjoint_base
class ConnectionOwner:
    """What connections have in common, and who is told of their end; see `_owner.pxd`."""

@disjoint_base
class CallbackOwner(ConnectionOwner):
    """The owner of one connection that was made from Python."""
