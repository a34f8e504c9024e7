"""Figures as people read them, for the page and for the terminal."""

from __future__ import annotations

NOTHING = "–"


def count(value: float) -> str:
    """
    >>> count(1234567), count(12.34), count(0.5)
    ('1,234,567', '12.3', '0.5')
    """
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}"


def duration(seconds: float | None) -> str:
    """
    >>> duration(85e-6), duration(0.0012), duration(0.25), duration(3.21), duration(None)
    ('85 µs', '1.2 ms', '250 ms', '3.2 s', '–')
    """
    if seconds is None:
        return NOTHING
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        value = seconds * factor
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{seconds:.1f} s"


def size(value: float) -> str:
    """
    >>> size(0), size(2048), size(3_500_000)
    ('0 B', '2.0 KiB', '3.3 MiB')
    """
    if value < 1024:
        return f"{value:.0f} B"
    units = ["KiB", "MiB", "GiB", "TiB"]
    value /= 1024
    while value >= 1024 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:.1f} {units[0]}" if value < 100 else f"{value:,.0f} {units[0]}"


def age(seconds: float) -> str:
    """
    >>> age(42), age(3725), age(200_000)
    ('42 s', '1 h 2 min', '2 d 7 h')
    """
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {whole % 60} s"


def share(value: float | None) -> str:
    """
    >>> share(0.034), share(0.5), share(None)
    ('3.4 %', '50 %', '–')
    """
    if value is None:
        return NOTHING
    if 0 < value < 0.0005:
        return "< 0.1 %"
    return f"{value * 100:.1f} %" if 0 < value < 0.0995 else f"{value * 100:.0f} %"
