from typing_extensions import disjoint_base

from reactor.http._sending import Sender

@disjoint_base
class Responder(Sender):
    """Answers the requests of one connection; `ServerMachine` reads them."""
