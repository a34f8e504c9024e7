"""HTTP-date (RFC 9110 5.6.7) to seconds and back.

Writes one form, reads the three that a recipient must understand. Must never read a
clock: the one form with two year digits is resolved against the ``now`` it is given.
"""

from __future__ import annotations

import time
from functools import lru_cache

from reactor.parser._digits import parse_digits

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# 9999-12-31T23:59:59Z: the format has four year digits.
_SECONDS_MAX = 253402300799


@lru_cache(maxsize=1024)
def format_date(seconds: int) -> str:
    """The IMF-fixdate of a Unix time; clamped to the years 1970 to 9999."""
    moment = time.gmtime(min(max(seconds, 0), _SECONDS_MAX))
    year, month, day, hour, minute, second, weekday, *_ = moment
    # Not strftime: it follows the locale.
    return (
        f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04}"
        f" {hour:02}:{minute:02}:{second:02} GMT"
    )


def parse_date(text: str, now: int = 0) -> int | None:
    """The Unix time of an HTTP-date; None if it is none.

    Args:
        text: the field value.
        now: Unix time; only the obsolete two-digit years need it.
    """
    words = text.split(" ")
    if len(words) == 6 and words[0][:-1] in _DAYS and words[0][-1:] == ",":
        _, day, month, year, clock, zone = words
        return _moment(year, month, day, clock) if zone == "GMT" and len(year) == 4 else None
    if len(words) == 4 and words[0][:-1] in _LONG_DAYS and words[0][-1:] == ",":
        return _parse_rfc850(words, now)
    if text[:3] in _DAYS and len(text) == 24:
        # asctime: "Sun Nov  6 08:49:37 1994", the day padded with a space.
        month, day, clock, year = text[4:7], text[8:10], text[11:19], text[20:]
        spaces = text[3] == text[7] == text[10] == text[19] == " "
        return _moment(year, month, day.replace(" ", "0"), clock) if spaces else None
    return None


def _parse_rfc850(words: list[str], now: int) -> int | None:
    day, *rest = words[1].split("-")
    if len(rest) != 2 or words[3] != "GMT" or len(rest[1]) != 2:
        return None
    month, year = rest
    within_century = parse_digits(year, 2)
    if within_century is None:
        return None
    this_year = time.gmtime(now).tm_year
    full = this_year - this_year % 100 + within_century
    # RFC 9110 5.6.7: more than 50 years in the future is the most recent past year.
    if full > this_year + 50:
        full -= 100
    return _moment(f"{full:04}", month, day, words[2])


def _moment(year: str, month: str, day: str, clock: str) -> int | None:
    parts = clock.split(":")
    if len(parts) != 3 or month not in _MONTHS or len(year) != 4 or len(day) != 2:
        return None
    if any(len(part) != 2 for part in parts):
        return None
    values = [
        number for text in (year, day, *parts) if (number := parse_digits(text, 4)) is not None
    ]
    if len(values) != 5:
        return None
    y, d, hour, minute, second = values
    number = _MONTHS.index(month) + 1
    if not 1 <= d <= _MONTH_LENGTHS[number - 1] or hour > 23 or minute > 59 or second > 60:
        return None
    if number == 2 and d == 29 and (y % 4 or (y % 100 == 0 and y % 400)):
        return None
    return ((_days(y, number, d) * 24 + hour) * 60 + minute) * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01. Not `calendar`: it loads datetime, for each start of a client."""
    # Years begin in March, so that the leap day is the last one.
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return (
        year * 365 + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719469
    )
