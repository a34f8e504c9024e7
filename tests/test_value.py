"""`Value`: what `dataclass(frozen=True)` promises, kept without it."""

from __future__ import annotations

import pytest

from reactor._value import Value


class Point(Value):
    x: int
    y: int = 0

    @classmethod
    def origin(cls):
        return cls(0)


class Other(Value):
    x: int
    y: int = 0


def test_fields_by_place_by_name_and_by_default():
    assert (Point(1).x, Point(1).y, Point(x=1, y=2).y, Point(1, 2).y) == (1, 0, 2, 2)
    assert repr(Point(1)) == "Point(x=1, y=0)"
    assert Point.origin() == Point(0, 0)


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})],
)
def test_what_does_not_fit_is_refused(values, named):
    with pytest.raises(TypeError):
        Point(*values, **named)


def test_equal_by_what_it_is():
    assert Point(1) == Point(1, 0)
    assert hash(Point(1)) == hash(Point(1, 0))
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert {Point(1): "found"}[Point(1)] == "found"


def test_it_does_not_change_but_gives_another():
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2
    with pytest.raises(AttributeError):
        del point.x
    assert (point.replace(y=5), point) == (Point(1, 5), Point(1))
    with pytest.raises(TypeError):
        point.replace(z=1)
