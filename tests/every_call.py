"""Calls everything that the compiled modules show to Python, with what nobody should give it.

    python tests/every_call.py MODULE...        every module without one

For each class: uninitialised, made by a subclass that forgets ``super().__init__()``, made rightly,
and closed. For each of those: every attribute is read, set and deleted, every method called with
right arguments of which one is wrong, and with anything else. What is raised is of no interest;
what is looked for is the end of the child process in which it happens. One child for some methods
of one object's state; it writes down what it is about to call, so that a crash has a name.

The classes and functions are found, not listed. A class that cannot be made without arguments needs
them in `every_object.RECIPES`; without them the run fails.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import mmap
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from every_object import ARGUMENTS, MADE_IN_C, RECIPES, VALUES

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "reactor").rglob("*.pyx")
)
# Random ones, besides a right call with one thing wrong; of each number of arguments up to ARITY.
RANDOM_CALLS, ARITY = 6, 5
# Calls in a row on one object: what the first has left half done, the next one meets.
SEQUENCES, STEPS = 40, 5
# Calls of a child, or a few more: a fork costs as much as thirty of them.
CHILD_CALLS = 300
# A call that waits is no crash: it is interrupted.
WAIT_S = 0.05
MEMORY = 2 << 30
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
STATES = ("uninitialised", "forgetful", "made", "closed")
# What a module of C has whatever is in it, and what only says how it was compiled.
SKIPPED = {"__class__", "__dict__", "__doc__", "__module__", "__pyx_vtable__", "__weakref__"}


# Functions whose work is to end the process.
ENDING = {"die_with"}


class Waited(BaseException):
    """A call took too long."""


# --- what there is to call ----------------------------------------------------------------


def members(name: str) -> tuple[list[type], list[Callable[..., object]]]:
    """The classes and functions of a compiled module, private ones too."""
    module = importlib.import_module(name)
    found = [value for value in vars(module).values() if getattr(value, "__module__", "") == name]
    classes = [value for value in found if isinstance(value, type)]
    functions = [value for value in found if callable(value) and not isinstance(value, type)]
    functions = [value for value in functions if value.__name__ not in ENDING]
    return classes, functions


def attributes(cls: type) -> list[str]:
    """All that a class of C has of its own or of another one, and not of `object`."""
    own = {name for parent in cls.__mro__ if parent is not object for name in vars(parent)}
    return sorted({"__init__", "__new__"} | own - SKIPPED)


def make(cls: type, state: str) -> object:
    if state == "uninitialised":
        return cls.__new__(cls)
    if state == "forgetful":
        return type("Forgetful", (cls,), {"__init__": lambda self, *a, **k: None})()
    made = cls(*right_arguments(cls))
    if state == "closed":
        for name in ("close", "abort", "cancel", "stop"):
            ending = getattr(made, name, None)
            if ending is not None:
                ending()
                break
        else:
            raise NotClosable(cls.__name__)
    return made


class NotClosable(Exception):
    """There is no such state."""


def recipe_of(cls: type) -> Callable[[], tuple[object, ...]] | None:
    # By its own name, unless another one has the same.
    return RECIPES.get(cls.__name__) or RECIPES.get(f"{cls.__module__}.{cls.__name__}")


def right_arguments(cls: type) -> tuple[object, ...]:
    recipe = recipe_of(cls)
    return () if recipe is None else recipe()


# --- one child ----------------------------------------------------------------------------


def argument_lists(
    key: str, right: Callable[[], tuple[object, ...]] | None
) -> Iterator[tuple[str, Callable[[], tuple[object, ...]]]]:
    """(what it is, its maker): made anew for each call, since a call may close or keep them."""
    yield "()", tuple
    if right is not None:
        yield "right", right
        for place in range(len(right())):
            for name, value in VALUES.items():
                yield f"right, {place} is {name}", with_one(right, place, value)
    for name, value in VALUES.items():
        yield f"({name})", lambda value=value: (value(),)
    chosen = random.Random(key)  # the same in every run
    for size in range(2, ARITY + 1):
        for _ in range(RANDOM_CALLS):
            names = [chosen.choice(list(VALUES)) for _ in range(size)]
            yield f"({', '.join(names)})", lambda names=names: tuple(VALUES[n]() for n in names)


def with_one(
    right: Callable[[], tuple[object, ...]], place: int, value: Callable[[], object]
) -> Callable[[], tuple[object, ...]]:
    def made() -> tuple[object, ...]:
        arguments = list(right())
        arguments[place] = value()
        return tuple(arguments)

    return made


def calls(cls: type, state: str, name: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything to be done with one attribute of one object."""
    key = f"{cls.__name__}.{name}"
    yield f"{state} {key}", lambda: getattr(make(cls, state), name)
    if name == "__new__":
        for what, arguments in argument_lists(key, recipe_of(cls)):
            yield f"{cls.__name__}{what}", lambda arguments=arguments: use(cls(*arguments()))
    elif callable(getattr(cls, name)):
        right = recipe_of(cls) if name == "__init__" else ARGUMENTS.get(key)
        for what, arguments in argument_lists(key, right):
            yield (
                f"{state} {key}{what}",
                lambda arguments=arguments: called(make(cls, state), name, arguments()),
            )
    else:
        for what, value in VALUES.items():
            yield (
                f"{state} {key} = {what}",
                lambda value=value: setattr(make(cls, state), name, value()),
            )
        yield f"del {state} {key}", lambda: delattr(make(cls, state), name)


def sequences(cls: type, state: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Methods in a row, the same ones in every run."""
    names = [name for name in attributes(cls) if not name.startswith("__")]
    names = [name for name in names if callable(getattr(cls, name))]
    if not names:
        return
    chosen = random.Random(f"{cls.__name__} {state}")
    for _ in range(SEQUENCES):
        steps = [
            (chosen.choice(names), chosen.choices(list(VALUES), k=chosen.choice((0, 0, 1, 1, 2))))
            for _ in range(STEPS)
        ]
        what = ", ".join(f"{name}({', '.join(values)})" for name, values in steps)
        yield f"{state} {cls.__name__}: {what}", lambda steps=steps: follow(cls, state, steps)


def follow(cls: type, state: str, steps: list[tuple[str, list[str]]]) -> None:
    value = make(cls, state)
    for name, values in steps:
        try:
            getattr(value, name)(*(VALUES[one]() for one in values))
        except Exception:
            pass
    use(value)


def called(value: object, name: str, arguments: tuple[object, ...]) -> None:
    try:
        result = getattr(value, name)(*arguments)
        if name in {"__iter__", "items", "keys", "values"}:
            list(result)
    finally:
        use(value)


def use(value: object) -> None:
    """What a call has left in an object may be what crashes a later one."""
    for name in ("__repr__", "__len__", "run_once", "next", "open", "on_readable", "on_deadline"):
        try:
            method = getattr(value, name, None)
            if method is not None:
                method(0) if name == "run_once" else method()
        except Exception:
            pass


def perform(todo: list[tuple[str, Callable[[], object]]], start: int, done: mmap.mmap) -> None:
    """In the child: ``done`` has the number of the call that is under way."""
    devnull = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(devnull, descriptor)
    os.closerange(3, 256)
    os.chdir(tempfile.gettempdir())
    faulthandler.disable()
    signal.signal(signal.SIGALRM, interrupt)
    sys.unraisablehook = lambda unraisable: None
    random.seed(1)
    for number in range(start, len(todo)):
        done[:4] = number.to_bytes(4, "little")
        signal.setitimer(signal.ITIMER_REAL, WAIT_S, WAIT_S)
        try:
            todo[number][1]()
        except BaseException:
            pass
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException:
            pass
    gc.collect()


def interrupt(number: int, frame: object) -> None:
    raise Waited


# --- the parent ---------------------------------------------------------------------------


def crashes(todo: list[tuple[str, Callable[[], object]]]) -> list[str]:
    """Each call that ended a child by a signal; the others go on in another child."""
    found = []
    start = 0
    done = mmap.mmap(-1, 4)
    while start < len(todo):
        child = os.fork()
        if child == 0:
            try:
                perform(todo, start, done)
            finally:
                os._exit(0)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) == 0:
            break
        at = int.from_bytes(done[:4], "little")
        found.append(f"{todo[at][0]}: {os.waitstatus_to_exitcode(status)}")
        if len(found) > 3:
            break  # more of the same would say no more
        start = at + 1
    return found


def try_module(name: str) -> dict[str, object]:
    classes, functions = members(name)
    count, found, unmade = 0, [], []
    for function in functions:
        todo = [
            (f"{function.__name__}{what}", lambda f=function, a=arguments: use(f(*a())))
            for what, arguments in argument_lists(
                function.__name__, ARGUMENTS.get(function.__name__)
            )
        ]
        count += len(todo)
        found += crashes(todo)
    for cls in classes:
        for state in STATES:
            try:
                make(cls, state)
            except Exception as error:
                if state == "made" and cls.__name__ not in MADE_IN_C:
                    unmade.append(f"{cls.__name__}: {error!r}")
                continue
            if cls.__name__ in MADE_IN_C:
                unmade.append(f"{cls.__name__} can be made ({state})")
            todo = []
            for attribute in attributes(cls):
                todo += calls(cls, state, attribute)
                if len(todo) >= CHILD_CALLS:
                    count += len(todo)
                    found += crashes(todo)
                    todo = []
            todo += sequences(cls, state)
            count += len(todo)
            found += crashes(todo)
    return {"module": name, "calls": count, "crashes": found, "unmade": unmade}


def main() -> int:
    if not SANITIZED:  # AddressSanitizer has terabytes of shadow
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()
    failed = False
    for name in sys.argv[1:] or MODULES:
        try:
            result = try_module(name)
        except Exception:
            traceback.print_exc()
            return 2
        print(json.dumps(result), flush=True)
        failed = failed or bool(result["crashes"] or result["unmade"])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
