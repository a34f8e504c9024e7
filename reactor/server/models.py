"""Which kind of server serves an application: by the model, and by the loop that it needs.

Must never know: what the application answers.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from reactor.errors import ConfigurationError
from reactor.server.loop_server import LoopServer

if TYPE_CHECKING:
    from reactor.server.status.observed import Observed
    from reactor.server.tls import Contexts
    from reactor.server.workers.worker import Channel

Model = Literal["reactor", "threads"]
HostLoop = Literal["auto", "reactor", "asyncio"]
ONE_THREAD = "asynchronous applications run in asyncio's one thread: leave out the model 'threads'"


def hosting_of(app: Any, loop: HostLoop, model: Model) -> Any:
    """What hosts asyncio for this app; None if nobody needs it."""
    needed = getattr(app, "needs_asyncio", False)
    if loop == "reactor" and needed:
        raise ConfigurationError("an asynchronous application needs asyncio's loop")
    if loop not in get_args(HostLoop):
        raise ConfigurationError(f"there is no loop {loop!r}")
    if not needed and loop != "asyncio":
        return None
    if model == "threads":
        raise ConfigurationError(ONE_THREAD)
    # Only who needs it pays for asyncio.
    from reactor.server.hosted import Hosting

    return Hosting(app)


def import_ahead(app: Any, loop: HostLoop, model: Model, folders: bool = False) -> None:
    """What `Server` would import when it is made: in a mold it is there once for all workers."""
    names = ["reactor.net._listener", "reactor.server.body_files", "resource", "tempfile"]
    if getattr(app, "needs_asyncio", False) or loop == "asyncio":
        names.append("reactor.server.hosted")
    elif model == "threads":
        names.append("reactor.server.threads")
    if folders:
        names.append("reactor.apps.static")
    for name in names:
        importlib.import_module(name)


def server_of(
    model: Model,
    hosting: Any,
    tls: Contexts | None,
    channel: Channel | None,
    observed: Observed | None,
) -> Any:
    """What makes the server, of sockets, what makes protocols, and limits."""
    if hosting is not None:
        return partial(hosting.server, tls=tls, channel=channel, observed=observed)
    if model == "reactor":
        return partial(LoopServer, tls=tls, channel=channel, observed=observed)
    # Only this model pays for threads.
    from reactor.server.threads import ThreadServer

    return partial(ThreadServer, channel=channel)
