"""Proactive negotiation: weights of Accept and Accept-Encoding (RFC 9110 12).

Pure string work in linear time; must never know what is on a disk.
"""

from __future__ import annotations

from functools import lru_cache

from reactor.http.ascii import lower
from reactor.parser._digits import parse_digits

# Browsers send 7 media ranges and 4 codings; what a peer lists beyond this is not read.
_ELEMENTS_MAX = 32


def weights(value: str) -> dict[str, int]:
    """The elements of a list with their weights in thousandths; names in ASCII lower case.

    An element with a malformed weight is left out. Other parameters are ignored.
    """
    found: dict[str, int] = {}
    for element in lower(value).split(",", _ELEMENTS_MAX)[:_ELEMENTS_MAX]:
        name, *parameters = element.split(";")
        weight: int | None = 1000
        for parameter in parameters:
            key, equals, text = parameter.strip(" \t").partition("=")
            if equals and key == "q":
                weight = _thousandths(text)
                break
        name = name.strip(" \t")
        if name and weight is not None:
            found[name] = weight
    return found


def _thousandths(text: str) -> int | None:
    # RFC 9110 12.4.2: "0" or "1", then at most three decimals; nothing above 1.
    whole, _, decimals = text.partition(".")
    thousandths = parse_digits(decimals.ljust(3, "0"), 3)
    if whole not in {"0", "1"} or thousandths is None:
        return None
    value = thousandths + (1000 if whole == "1" else 0)
    return value if value <= 1000 else None


@lru_cache(maxsize=256)
def rank_codings(value: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """The offered content codings that beat or equal sending the bytes as they are, best first.

    Args:
        value: the Accept-Encoding field; "" if there is none.
        offered: codings in our order of preference, which decides between equal weights.
    """
    if not value:
        # RFC 9110 12.5.3: no field allows any coding, but a client that can, says so.
        return ()
    accepted = weights(value)
    other = accepted.get("*", 0)
    # "identity" is acceptable unless excluded; unnamed, it only has to lose to a named coding.
    identity = accepted.get("identity", 0)
    ranked = [(accepted.get(coding, other), coding) for coding in offered]
    ranked = [pair for pair in ranked if pair[0] > 0 and pair[0] >= identity]
    # Stable: among equal weights our order stays.
    ranked.sort(key=lambda pair: -pair[0])
    return tuple(coding for _, coding in ranked)


def prefers(value: str, wanted: str, usual: str) -> bool:
    """Whether an Accept field ranks the media type ``wanted`` strictly above ``usual``."""
    accepted = weights(value)
    return _media_weight(accepted, wanted) > _media_weight(accepted, usual)


def _media_weight(accepted: dict[str, int], kind: str) -> int:
    # RFC 9110 12.5.1: the most specific range counts.
    for media_range in (kind, kind.partition("/")[0] + "/*", "*/*"):
        if media_range in accepted:
            return accepted[media_range]
    return 0
