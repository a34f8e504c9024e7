from reactor.http._responder import Responder

class DeferredResponder(Responder):
    """Answers later what it did not answer at once."""
