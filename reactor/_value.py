"""`Value`: an immutable object that is its fields.

What ``@dataclass(frozen=True)`` makes, without its code generator: importing `dataclasses` and
letting it write a class costs more than all else that a small command does before it begins.
Type checkers know it by `dataclass_transform`. Must never know what a field means.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs 3 ms

if TYPE_CHECKING:
    from inspect import Signature
    from typing import Any, Self, dataclass_transform
else:

    def dataclass_transform(**options):
        return lambda cls: cls


class _FieldSignature:
    """What `inspect.signature` says of the class: its fields."""

    def __get__(self, value: object, cls: type[Value]) -> Signature:
        from inspect import Parameter, Signature  # 6 ms, and only who asks has use for it

        hints = cls.__annotations__
        parameters = [
            Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD,
                default=getattr(cls, name, Parameter.empty),
                annotation=hints[name],
            )
            for name in cls.field_names
        ]
        return Signature(parameters)


@dataclass_transform(frozen_default=True)
class Value:
    """Fields are the annotations of the subclass, and their defaults what it assigns to them."""

    field_names: tuple[str, ...] = ()
    __signature__ = _FieldSignature()

    def __init_subclass__(cls) -> None:
        cls.field_names = tuple(cls.__annotations__)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self.field_names
        if len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} has {len(fields)} fields")
        for field, value in zip(fields, values, strict=False):
            if field in named:
                raise TypeError(f"{field} is given twice")
            named[field] = value
        for field in named:
            if field not in fields:
                raise TypeError(f"{type(self).__name__} has no field {field!r}")
        self.__dict__.update(named)  # a field that is not given is the class's own
        for field in fields:
            if not hasattr(self, field):
                raise TypeError(f"{type(self).__name__} needs {field!r}")

    def replace(self, **changes: Any) -> Self:
        """Another one, with these fields instead."""
        return type(self)(**{**self.__dict__, **changes})

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self.field_names)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = (f"{field}={getattr(self, field)!r}" for field in self.field_names)
        return f"{type(self).__name__}({', '.join(fields)})"
