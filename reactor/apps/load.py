"""What a TARGET names: a folder, or ``module:attr`` of one of four kinds.

    folder          served as it is
    handler         a function of one argument: request -> Response
    TCP protocol    a class with asyncio.Protocol's methods
    WSGI, ASGI      recognised, so that the answer is a clear one

The kind is told by what the object is, never by calling it.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from reactor.apps.handler import Handler
from reactor.apps.static import StaticFolder
from reactor.errors import ConfigurationError
from reactor.http.app import App

ProtocolFactory = Callable[[], Any]


def load_target(target: str) -> App | ProtocolFactory:
    """The app that a TARGET of the command line names, or the class of its TCP protocol.

    Raises:
        ConfigurationError: there is no such thing; the message says what to do.
    """
    if os.path.isdir(target):
        return StaticFolder(target)
    if os.path.exists(target):
        raise ConfigurationError(
            f"{target!r} is a file: serve its folder ({os.path.dirname(target) or '.'!r}) instead"
        )
    module_name, colon, attribute = target.partition(":")
    names = [*module_name.split("."), *attribute.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise ConfigurationError(
            f"there is no folder {target!r}; to serve an application write MODULE:NAME"
        )
    return as_app(_import_attribute(module_name, attribute), target)


def as_app(thing: Any, name: str) -> App | ProtocolFactory:
    """The app, or the protocol's class, that ``thing`` is; ``name`` is for the error's sentence."""
    if hasattr(thing, "respond") and hasattr(thing, "body_bytes_max"):
        app: App = thing
        return app
    if isinstance(thing, type) and hasattr(thing, "data_received"):
        factory: ProtocolFactory = thing
        return factory
    if callable(thing):
        if _is_asgi(thing):
            raise ConfigurationError(f"{name!r} is an ASGI application; those are not served yet")
        count = _positional_count(thing)
        if count == 2:
            raise ConfigurationError(f"{name!r} is a WSGI application; those are not served yet")
        if count == 1:
            return Handler(thing)
    raise ConfigurationError(
        f"{name!r} is {_described(thing)}: it must be a handler (one argument, a request, "
        "returning a Response) or a class with asyncio.Protocol's methods"
    )


def _import_attribute(module_name: str, attribute: str) -> Any:
    # As `python -m` and every other server do: the user's modules are where he stands.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        thing: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # a module that the user's own one imports: the traceback shows where
        raise ConfigurationError(
            f"there is no module {module_name!r} here or in what Python searches"
        ) from error
    for part in attribute.split("."):
        if not hasattr(thing, part):
            raise ConfigurationError(f"module {module_name!r} has no attribute {attribute!r}")
        thing = getattr(thing, part)
    return thing


def _is_asgi(thing: Any) -> bool:
    call = thing if inspect.isroutine(thing) else getattr(thing, "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(call) or _positional_count(thing) == 3


def _positional_count(thing: Any) -> int:
    """How many positional arguments it needs; -1 if nobody can tell."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return -1
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)


def _described(thing: Any) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return f"an object of type {type(thing).__name__}" + (
        "" if callable(thing) else ", not callable"
    )
