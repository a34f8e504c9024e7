"""What connections have in common, read once and not for each; the owner is told of their end."""

from typing_extensions import disjoint_base

@disjoint_base
class ConnectionOwner:
    """What connections have in common; the owner is told of their end. See `_owner.pxd`."""

@disjoint_base
class CallbackOwner(ConnectionOwner):
    """The owner of one connection that was made from Python."""
