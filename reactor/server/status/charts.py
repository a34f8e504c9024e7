"""Small charts as inline SVG: numbers and class names, nothing from a client.

Colours are the page's. A chart is a minute wide, a second a step, and ends at the right: what is
not there yet is empty at the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from reactor.server.status.history import SAMPLES_MAX

WIDTH, HEIGHT = 300, 72
_STEP = WIDTH / (SAMPLES_MAX - 1)
# Where the scale of a chart may end: a round figure, so that it does not change with each sample.
_ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)

Values = Sequence[float | None]


def scale(values: Values, least: float = 0.0) -> float:
    """A round figure that all values are within.

    >>> scale([3.2, None, 41]), scale([]), scale([0.0007])
    (50.0, 1.0, 0.0008)
    """
    top = max([least, *(value for value in values if value is not None)])
    if top <= 0:
        return 1.0
    unit = 1.0
    while unit * 10 < top:
        unit *= 10
    while unit >= top:
        unit /= 10
    return float(f"{next((r * unit for r in _ROUND if r * unit >= top), top):.6g}")


def decade(values: Values) -> float:
    """The power of ten that none is below.

    >>> decade([0.0042, None, 0.07]), decade([])
    (0.001, 1.0)
    """
    least = min((value for value in values if value), default=1.0)
    return float(10.0 ** floor(log10(least)))


def _x(place: int, count: int) -> float:
    return WIDTH - (count - 1 - place) * _STEP


def _y(value: float, top: float) -> float:
    return HEIGHT - 1 - min(1.0, max(0.0, value / top)) * (HEIGHT - 4)


def logarithms(values: Values, low: float) -> list[float | None]:
    """On a scale of which ``low`` is the bottom."""
    return [None if value is None else log10(max(value, low) / low) for value in values]


def line(values: Values, top: float, look: str) -> str:
    """A line, broken where there is no value."""
    path, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{_x(place, len(values)):.4g} {_y(value, top):.3g}")
        pen = "L"
    if pen == "L" and len(path) == 1:
        path.append("h1")
    return f'<path class="l {look}" d="{"".join(path)}"/>' if path else ""


def area(values: Sequence[float], top: float, look: str, base: Sequence[float] = ()) -> str:
    """What is between ``base``, or the bottom, and ``values`` on top of it."""
    if len(values) < 2:
        return ""
    below = base or [0.0] * len(values)
    places = range(len(values))
    up = [f"{_x(n, len(values)):.4g} {_y(below[n] + values[n], top):.3g}" for n in places]
    if base:
        back = [f"{_x(n, len(values)):.4g} {_y(below[n], top):.3g}" for n in reversed(places)]
    else:
        back = [f"{WIDTH} {HEIGHT}", f"{_x(0, len(values)):.4g} {HEIGHT}"]
    return f'<path class="a {look}" d="M{"L".join(up + back)}Z"/>'


def chart(title: str, *marks: str) -> str:
    """The element; ``title`` says to who cannot see it what it shows."""
    grid = "".join(f"M0 {y}H{WIDTH}" for y in (3, HEIGHT // 2, HEIGHT - 1))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title}"><path class="g" d="{grid}"/>{"".join(marks)}</svg>'
    )


def bar(parts: Sequence[tuple[str, float]], title: str) -> str:
    """Shares of a whole, side by side: (look, amount)."""
    total = sum(amount for _, amount in parts)
    found, x = [], 0.0
    for look, amount in parts:
        if total and amount:
            width = amount / total * WIDTH
            found.append(f'<rect class="{look}" x="{x:.2f}" width="{width:.2f}" height="10"/>')
            x += width
    return (
        f'<svg class="bar" viewBox="0 0 {WIDTH} 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{title}">{"".join(found)}</svg>'
    )
