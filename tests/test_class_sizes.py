"""A class can be held in the head: at most 30 methods of its own."""

from __future__ import annotations

import asyncio

import class_sizes
import pytest
from class_sizes import ROOT

METHODS_MAX = 30

# What is over it, with its number, which may only become smaller, and the reason.
LARGE = {}


def name_of(found):
    return f"{'.'.join(found.path.relative_to(ROOT).with_suffix('').parts)}.{found.name}"


# A class in C has one base, and may implement an interface in Python that is not it.
INTERFACES = {"reactor._protocol.Transport": asyncio.Transport}


def count_of(found):
    interface = INTERFACES.get(name_of(found))
    return len(class_sizes.own_methods(found).difference(dir(interface) if interface else ()))


def test_no_class_has_too_many_methods():
    large = {
        name_of(found): count
        for found in class_sizes.classes_of_the_package()
        if (count := count_of(found)) > METHODS_MAX
    }
    # Equal, so that a class that has become smaller has its number lowered too.
    assert large == LARGE, "split a class by concept, or lower its number in LARGE"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Sources of a package that the test writes: the classes in them, by name."""
    monkeypatch.setattr(class_sizes, "ROOT", tmp_path)
    monkeypatch.setattr(class_sizes, "PACKAGE", tmp_path / "reactor")

    def write(**sources):
        (tmp_path / "reactor").mkdir()
        for name, text in sources.items():
            stem, _, suffix = name.rpartition("_")
            (tmp_path / "reactor" / f"{stem}.{suffix}").write_text(text)
        class_sizes.module_of.cache_clear()
        return {
            found.name: class_sizes.own_methods(found)
            for found in class_sizes.classes_of_the_package()
        }

    yield write
    class_sizes.module_of.cache_clear()


def test_what_a_class_above_names_is_not_its_own(written):
    assert written(
        base_pyx="""
cdef class Base(Root):
    cdef int pull(self) except -1:
        return 0

    cpdef close(self, linger=True):
        return

cdef class Root:
    cdef inline bint is_open(self):
        return True
""",
        machine_pxd="from reactor.base cimport Base\n",
        machine_pyx="""
cdef class Machine(Base):
    cdef int count      # no method (at all)

    def __init__(self):
        pass

    @property
    def idle(self):
        return True

    @idle.setter
    def idle(self, value):
        self.close()

    cdef int pull(self) except -1:
        def inner():
            return 0
        return inner()

    cdef bint is_open(self):
        return False

    cdef (int, int) both(
            self, int one):
        return one, one

cdef int outside(Machine machine):
    return 0
""",
    ) == {"Base": {"pull", "close"}, "Root": {"is_open"}, "Machine": {"idle", "both"}}


def test_a_base_may_be_pythons_or_of_another_package(written):
    assert written(
        policy_py="""
import selectors
from collections.abc import Sequence
from typing import Generic

class Selector(selectors.BaseSelector):
    def select(self, timeout=None): ...
    async def wait(self): ...

class Items(Sequence, Generic):
    def count(self, value): ...
    def first(self): ...

class Odd(ValueError):
    def add_note(self, note): ...
    def said(self): ...
"""
    ) == {"Selector": {"wait"}, "Items": {"first"}, "Odd": {"said"}}
