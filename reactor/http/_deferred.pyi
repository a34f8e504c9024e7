from typing_extensions import disjoint_base

from reactor.http._responder import Responder

@disjoint_base
class DeferredResponder(Responder):
    """Answers later what it did not answer at once."""
