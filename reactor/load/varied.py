"""Different requests to one URL, as many visitors send them: what no cache can answer.

A server that is asked the same request again and again finds all of it in its caches: the head
that it parsed, the path that it looked up. Real requests differ in their path, query, Cookie,
User-Agent, Referer and request id. These do, and they are the same ones in every run.

Knows: what varies, and how. Must never know: connections, answers, framing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

DEFAULT = 10_000  # more than any cache of a server here holds

# Of what varies below a path that ends in "/". Of one length, and without a character that is
# escaped, so that answers that hold the path are of one length too.
SUFFIX_CHARS = 47
REQUEST_ID_CHARS = 36
VARIED_FIELDS = ("User-Agent", "Cookie", "Referer", "X-Request-Id")

_WORDS = (
    *("account", "archive", "article", "basket", "blog", "books", "brand", "calendar", "category"),
    *("checkout", "comments", "docs", "events", "feed", "forum", "gallery", "guide", "images"),
    *("item", "jobs", "kids", "latest", "maps", "media", "music", "news", "offers", "orders"),
    *("people", "photos", "products", "profile", "reviews", "sale", "search", "shoes", "sport"),
    *("stories", "support", "tags", "topics", "travel", "users", "video", "weather", "wiki"),
)
_QUERY = (
    *("page={}", "id={}", "q={1}+{0}", "sort=-{1}", "lang=en-{0}", "utm_source={1}", "ref={1}-{0}"),
    *("from={0}", "tag={1}%20{0}", "size={0}x{0}", "filter%5B%5D={1}", "v={0}"),
)
_COOKIES = (
    *("theme={1}", "_ga=GA1.2.{0}.{0}", "lang=en", "consent=yes%3A{0}", "cart={1}%7C{0}"),
    *("csrftoken={2}", "last={1}", "visits={0}"),
)
_REFERERS = (
    *("https://www.example.com/{1}/{0}", "https://search.example/?q={1}+{0}"),
    *("https://news.example.org/{1}?id={0}", "https://example.net/", "https://t.example/{2}"),
)
_LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
_ANDROID = "Mozilla/5.0 (Linux; Android {a}; K) AppleWebKit/537.36 (KHTML, like Gecko) "
_IOS = "CPU iPhone OS 1{d}_{d} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
_AGENTS = (
    _LINUX + "Chrome/{n}.0.{m}.{n} Safari/537.36",
    _WINDOWS + "Chrome/{n}.0.0.0 Safari/537.36",
    _WINDOWS + "Chrome/{n}.0.{m}.{n} Safari/537.36",
    _WINDOWS + "Chrome/{n}.0.0.0 Safari/537.36 Edg/{n}.0.{m}.{n}",
    _WINDOWS + "Chrome/{n}.0.0.0 Safari/537.36 OPR/{n}.0.0.0",
    _WINDOWS + "Chrome/{n}.0.0.0 Safari/537.36 Vivaldi/7.{d}.{m}.{n}",
    _MAC + "537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 Safari/537.36",
    _MAC + "605.1.15 (KHTML, like Gecko) Version/1{d}.{d} Safari/605.1.15",
    _MAC + "605.1.15 (KHTML, like Gecko) Version/1{d}.{d}.{d} Safari/605.1.15",
    _ANDROID + "Chrome/{n}.0.0.0 Mobile Safari/537.36",
    _ANDROID + "Chrome/{n}.0.{m}.{n} Mobile Safari/537.36",
    _ANDROID + "SamsungBrowser/2{d}.0 Chrome/{n}.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; " + _IOS + "Version/1{d}.{d} Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; " + _IOS + "CriOS/{n}.0.{m}.{n} Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:{n}.0) Gecko/20100101 Firefox/{n}.0",
    "Mozilla/5.0 (Android 1{d}; Mobile; rv:{n}.0) Gecko/{n}.0 Firefox/{n}.0",
    "Mozilla/5.0 (compatible; examplebot/2.{d}; +https://example.com/bot.html)",
    "curl/8.{d}.0",
    "python-requests/2.3{d}.{d}",
)


def variations(target: str, count: int) -> Iterator[tuple[str, dict[str, str]]]:
    """So many request targets, with the fields of each; the same ones for the same ``target``.

    Below a path that ends in "/" the path varies too; a file's path stays.

    >>> target, fields = next(variations("/page.html?x=1", 10))
    >>> target.startswith("/page.html?x=1&"), tuple(fields) == VARIED_FIELDS
    (True, True)
    """
    # Of the target alone: a server's port differs from run to run.
    chance = random.Random(target)  # noqa: S311 - load, no secret
    path, _, query = target.partition("?")
    for _ in range(count):
        below = path + _suffix(chance) if path.endswith("/") else path
        pairs = [query, *_some(chance, _QUERY, 3)] if query else _some(chance, _QUERY, 3)
        session = f"session={chance.getrandbits(128):032x}"
        yield (
            f"{below}?{'&'.join(pairs)}",
            {
                "User-Agent": _agent(chance),
                "Cookie": "; ".join([session, *_some(chance, _COOKIES, 4)]),
                "Referer": _some(chance, _REFERERS, 1)[0],
                "X-Request-Id": _request_id(chance),
            },
        )


def without_varied(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that do not vary.

    >>> without_varied({"cookie": "a=b", "Accept": "*/*"})
    {'Accept': '*/*'}
    """
    names = {name.lower() for name in VARIED_FIELDS}
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _suffix(chance: random.Random) -> str:
    """One to three words, and as many digits as are left to its length."""
    words = "".join(f"{word}/" for word in chance.sample(_WORDS, chance.randint(1, 3)))
    left = SUFFIX_CHARS - len(words)
    return f"{words}{chance.getrandbits(4 * left):0{left}x}"


def _some(chance: random.Random, kinds: tuple[str, ...], most: int) -> list[str]:
    return [
        kind.format(chance.randint(1, 99_999), chance.choice(_WORDS), f"{chance.random():.16f}"[2:])
        for kind in chance.sample(kinds, chance.randint(1, most))
    ]


def _agent(chance: random.Random) -> str:
    return chance.choice(_AGENTS).format(
        n=chance.randint(90, 140),
        m=chance.randint(4_000, 7_000),
        d=chance.randint(0, 9),
        a=chance.randint(8, 16),
    )


def _request_id(chance: random.Random) -> str:
    """A UUID, version 4 (RFC 9562 section 5.4)."""
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
