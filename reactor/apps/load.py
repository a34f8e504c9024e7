"""What a TARGET names: a folder, or ``module:attr`` of one of five kinds.

    folder          served as it is
    handler         a function of one argument: request -> Response
    async handler   a coroutine function of one argument
    WSGI            what is called with two: environ, start_response
    ASGI            what is called with three: scope, receive, send
    TCP protocol    a class with the methods of asyncio.Protocol or asyncio.BufferedProtocol

The kind is told by what the object is, never by calling it: by how many positional
arguments it needs, and whether it is a coroutine function. Something that takes any number of
them is WSGI, as what `wsgiref.validate.validator` makes, or ASGI if it is one; a decorator uses
`functools.wraps`. Who knows better says which ``interface`` it has.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from reactor.apps.current_folder import current_folder
from reactor.apps.function import FunctionApp
from reactor.apps.wsgi import WsgiApp
from reactor.errors import ConfigurationError
from reactor.http.app import App
from reactor.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from reactor.apps.static import StaticFolder

ProtocolFactory = Callable[[], Any]
Interface = Literal["auto", "native", "wsgi", "asgi", "tcp"]

# Of `asyncio.Protocol` and `asyncio.BufferedProtocol`; a class may leave out any of them.
_PROTOCOL_METHODS = (
    *("connection_made", "data_received", "get_buffer", "buffer_updated", "eof_received"),
    *("pause_writing", "resume_writing", "connection_lost"),
)

_USUAL_NAMES = ("app", "application")
_SOURCE_BYTES_MAX = 1024 * 1024  # of a module that is looked at for a hint: most have some KiB
ANY_NUMBER = -1
UNKNOWN = -2


def load_target(
    target: str,
    limits: Limits = DEFAULT_LIMITS,
    interface: Interface = "auto",
    *,
    factory: bool = False,
    lifespan: str = "auto",
    root_path: str = "",
    **folder: Any,
) -> App | ProtocolFactory:
    """The app that a TARGET of the command line names, or the class of its TCP protocol.

    ``MODULE:NAME(...)`` is what the call returns; with ``factory`` a call without arguments.
    ``lifespan`` and ``root_path`` are those of `AsgiApp` and `WsgiApp`, ``folder`` the options
    of `StaticFolder`.

    Raises:
        ConfigurationError: there is no such thing; the message says what to do.
    """
    if os.path.isdir(target):
        return folder_of(target, **folder)
    if os.path.exists(target):
        raise ConfigurationError(f"{target!r} is {_instead_of_a_file(target)}")
    named, call = _split_call(target)
    module_name, colon, attribute = named.partition(":")
    names = [*module_name.split("."), *attribute.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise ConfigurationError(
            f"there is no folder {target!r}; to serve an application write MODULE:NAME"
            f"{_did_you_mean(target)}"
        )
    if folder:
        raise NoFolderError(f"{', '.join(sorted(folder))}: only a folder has such options")
    thing = import_attribute(module_name, attribute)
    if call or factory:
        thing = _called(thing, target, call or "()")
    app = as_app(thing, target, limits, interface, lifespan=lifespan, root_path=root_path)
    if hasattr(app, "name"):
        app.name = target
    if isinstance(app, type) and (asyncio := sys.modules.get("asyncio")) is not None:
        # Before Python 3.14 its get_event_loop makes a loop here that nobody runs, and what the
        # class asks of that would never happen, silently.
        asyncio.set_event_loop(None)
    return app


def folder_of(path: str | os.PathLike[str], **options: Any) -> StaticFolder:
    from reactor.apps.static import StaticFolder  # only who serves one pays for it

    return StaticFolder(path, **options)


def is_folder(app: object) -> TypeGuard[StaticFolder]:
    # Where nobody has loaded its class there is none.
    static = sys.modules.get("reactor.apps.static")
    return static is not None and isinstance(app, static.StaticFolder)


class NoFolderError(ConfigurationError):
    """Options of a folder, for an application."""


def _split_call(target: str) -> tuple[str, str]:
    """``"a:make(1)"`` is ``"a:make"`` and ``"(1)"``."""
    named, parenthesis, rest = target.partition("(")
    if ":" in named and rest.endswith(")"):
        return named, parenthesis + rest
    return target, ""


def _called(thing: Any, name: str, call: str) -> Any:
    """What ``thing`` returns, given the literals between the parentheses of ``call``."""
    import ast  # few targets are calls

    if not callable(thing):
        raise ConfigurationError(f"{name!r} cannot be called: it is {_described(thing)}")
    try:
        parsed: Any = ast.parse(f"f{call}", mode="eval").body
        positional = [ast.literal_eval(value) for value in parsed.args]
        named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in parsed.keywords}
        if None in named or not isinstance(parsed.func, ast.Name):
            raise ValueError
    except (SyntaxError, ValueError, AttributeError):
        raise ConfigurationError(
            f"{name!r}: the arguments of a call are literals, as in create_app('test', debug=True)"
        ) from None
    return thing(*positional, **named)


def _instead_of_a_file(target: str) -> str:
    if not target.endswith(".py"):
        return f"a file: serve its folder ({os.path.dirname(target) or '.'!r}) instead"
    # Not its folder: nobody who names a program wants its source to be read.
    module = _module_of(target) or "MODULE"
    return f"Python source; to serve the application in it write {module}:NAME"


def _did_you_mean(target: str) -> str:
    """A target that is spelled otherwise, where there is such a file; "" where there is none."""
    file, _, attribute = target.partition(":")
    module = _module_of(file)
    if module is None:
        return ""
    name = attribute or _application_in(f"{module.replace('.', os.sep)}.py")
    return f"; did you mean {module}:{name}?"


def _module_of(file: str) -> str | None:
    """The module that a path stands for, with or without its ``.py``, if that file is there."""
    path = os.path.relpath(file.removesuffix(".py")) if file else ""
    names = path.split(os.sep)
    is_module = all(map(str.isidentifier, names)) and os.path.isfile(f"{path}.py")
    return ".".join(names) if is_module else None


def _application_in(path: str) -> str:
    """What a module calls its application, as far as its source says: nothing is imported. NAME if
    that could be several things, or none."""
    import ast  # only who mistypes pays for it

    try:
        with open(path, "rb") as file:
            statements = ast.parse(file.read(_SOURCE_BYTES_MAX)).body
    except (OSError, ValueError, SyntaxError, RecursionError):
        return "NAME"
    named = [name for statement in statements for name in _names_of(statement)]
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    public = [one for one in statements if isinstance(one, defined) and one.name[:1] != "_"]
    for name in _USUAL_NAMES:
        if name in named:
            return name
    if len(public) != 1:
        return "NAME"
    [only] = public
    makes = isinstance(only, ast.FunctionDef) and not (only.args.args or only.args.vararg)
    return f"{only.name}()" if makes else only.name


def _names_of(statement: Any) -> list[str]:
    """What a statement of a module gives a name to."""
    import ast

    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in statement.names]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def as_app(
    thing: Any,
    name: str,
    limits: Limits = DEFAULT_LIMITS,
    interface: Interface = "auto",
    *,
    lifespan: str = "auto",
    root_path: str = "",
) -> App | ProtocolFactory:
    """The app, or the protocol's class, that ``thing`` is; ``name`` is for the error's sentence."""
    if hasattr(thing, "respond") and hasattr(thing, "body_bytes_max"):
        app: App = thing
        return app
    kind = _kind_of(thing) if interface == "auto" else _checked_kind(thing, name, interface)
    if kind == "tcp":
        factory: ProtocolFactory = thing
        return factory
    if kind == "wsgi":
        return WsgiApp(thing, body_bytes_max=limits.body_bytes_max, root_path=root_path)
    if kind == "asgi":
        from reactor.apps.asgi import AsgiApp  # only who serves one pays for asyncio

        return AsgiApp(thing, limits, lifespan, root_path)
    if kind == "native" and _is_coroutine(thing):
        from reactor.apps.async_function import AsyncFunctionApp

        return AsyncFunctionApp(thing, limits)
    if kind == "native":
        return FunctionApp(thing, body_bytes_max=limits.body_bytes_max)
    raise ConfigurationError(
        f"{name!r} is {_described(thing)}: it must be a handler (one argument, a request, "
        "returning a Response), a WSGI application (two: environ, start_response), an ASGI "
        "application (three: scope, receive, send), or a class with asyncio.Protocol's methods"
    )


def _kind_of(thing: Any) -> str:
    """Its interface, by its shape; "" if it has none."""
    shape = _call_shape(thing) if callable(thing) else UNKNOWN
    if isinstance(thing, type):
        if any(hasattr(thing, name) for name in _PROTOCOL_METHODS):
            return "tcp"
        # An instance of a class is the response in PEP 3333's second example, and what is awaited
        # in some frameworks for ASGI.
        if shape == 2 and hasattr(thing, "__iter__"):
            return "wsgi"
        return "asgi" if shape == 3 and hasattr(thing, "__await__") else ""
    if _is_coroutine(thing) and shape in {2, ANY_NUMBER}:
        return "asgi" if shape == ANY_NUMBER else ""
    return {1: "native", 2: "wsgi", 3: "asgi", ANY_NUMBER: "wsgi"}.get(shape, "")


def _checked_kind(thing: Any, name: str, interface: Interface) -> str:
    """``interface``, which somebody has said, if the thing can have it."""
    if interface == "tcp":
        if not isinstance(thing, type):
            raise ConfigurationError(
                f"{name!r} is {_described(thing)}, not the class of a protocol"
            )
        return interface
    if not callable(thing):
        raise ConfigurationError(f"{name!r} is {_described(thing)}")
    needed, what = {
        "native": (1, "a handler is called with one argument, a request"),
        "wsgi": (2, "a WSGI application is called with two, environ and start_response"),
        "asgi": (3, "an ASGI application is called with three, scope, receive and send"),
    }[interface]
    if _call_shape(thing) not in {needed, ANY_NUMBER, UNKNOWN}:
        raise ConfigurationError(f"{name!r} is {_described(thing)}: {what}")
    return interface


def import_attribute(module_name: str, attribute: str) -> Any:
    # As `python -m` and every other server do: the user's modules are where he stands.
    here = current_folder()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        thing: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # a module that the user's own one imports: the traceback shows where
        raise ConfigurationError(
            f"there is no module {module_name!r} here or in what Python searches"
            f"{_did_you_mean(f'{module_name}:{attribute}')}"
        ) from error
    for part in attribute.split("."):
        if not hasattr(thing, part):
            from difflib import get_close_matches  # only who mistypes pays for it

            near = get_close_matches(part, dir(thing), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"module {module_name!r} has no attribute {attribute!r}{hint}")
        thing = getattr(thing, part)
    return thing


def _is_coroutine(thing: Any) -> bool:
    import inspect  # a supervisor has no application to look at

    call = getattr(thing, "__call__", None)  # noqa: B004 - the method, to look at it
    return any(map(inspect.iscoroutinefunction, (thing, call, inspect.unwrap(thing))))


def _call_shape(thing: Any) -> int:
    """How many positional arguments a call needs; ANY_NUMBER, or UNKNOWN if nobody can tell."""
    import inspect

    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return UNKNOWN
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    count = sum(p.kind in kinds and p.default is p.empty for p in parameters)
    if not count and any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return ANY_NUMBER
    return count


def _described(thing: Any) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}, not an instance of it"
    if not callable(thing):
        return f"an object of type {type(thing).__name__}, not callable"
    shape = _call_shape(thing)
    if shape == UNKNOWN:
        return f"an object of type {type(thing).__name__} that does not tell its arguments"
    if shape == 0:
        return "called without an argument (if it makes the application, name it with () behind)"
    return f"called with {shape} argument{'s' * (shape != 1)}"
