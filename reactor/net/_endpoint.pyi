"""What a transport on a socket knows: the socket, its peer, its protocol, its marks."""

from typing import Any

from typing_extensions import disjoint_base

from reactor._protocol import Transport

@disjoint_base
class Endpoint(Transport):
    """What `Connection` is made of; alone it carries nothing."""

    @property
    def protocol(self) -> Any: ...
