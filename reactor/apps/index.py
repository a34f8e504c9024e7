"""The page of a folder's entries, as HTML and as JSON.

Theory of operation. ``listing`` gives a ``Page`` of entries, this module gives bytes. The
HTML needs no script and nothing from elsewhere; its Content-Security-Policy allows exactly
one style sheet, by its hash. A name is hostile until proven otherwise: in a link it is
percent-encoded byte by byte, so that even one that is no UTF-8 leads back to its file; as
text it is escaped, and what cannot be seen or would rearrange the line (control characters,
bidirectional overrides, stray bytes) is replaced by something visible.

Must never touch a disk, and never write a name but through ``_text`` or ``quote``.
"""

from __future__ import annotations

import json
import os
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from reactor.apps.index_style import ICONS, STYLE
from reactor.apps.mime import media_type
from reactor.apps.path_resolution import quote

COLUMNS = {"name": "Name", "size": "Size", "modified": "Modified <small>UTC</small>"}

# Deeper than this, the breadcrumbs begin with an ellipsis.
_CRUMBS_MAX = 16

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# Control characters get their picture (U+2400...); lone surrogates are bytes that were no
# UTF-8; the rest would reorder or break the line they stand in.
_VISIBLE = (
    {code: 0x2400 + code for code in range(0x20)}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000)], 0xFFFD)
    | dict.fromkeys([0x61C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F)], 0xFFFD)
    | dict.fromkeys([*range(0x2060, 0x2070), 0xFEFF], 0xFFFD)
)


class Entry(NamedTuple):
    """A file or folder as it is listed; ``size`` in bytes, None for a folder."""

    name: str
    size: int | None
    modified_s: int


class Order(NamedTuple):
    """By which column the entries are sorted, folders always first."""

    column: str
    descending: bool

    @classmethod
    def named(cls, column: str, order: str) -> Order:
        """From the query's words; anything unknown is the order by name."""
        return cls(column if column in COLUMNS else "name", order == "desc")

    def sort(self, entries: list[Entry]) -> None:
        """Sort entries that are in the order of their names; so stay those that are equal."""
        if self.column == "size":
            entries.sort(key=lambda entry: entry.size or 0, reverse=self.descending)
        elif self.column == "modified":
            entries.sort(key=lambda entry: entry.modified_s, reverse=self.descending)
        elif self.descending:
            entries.reverse()
        entries.sort(key=lambda entry: entry.size is not None)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a folder, and where they stand in the whole of it."""

    entries: Sequence[Entry]
    order: Order
    number: int
    pages: int
    folders: int
    files: int
    size: int | None = None  # of all files, in bytes; None in a folder too large to look at each
    sortable: bool = True
    complete: bool = True


class Crumb(NamedTuple):
    """A folder on the way here: its name, and the relative link that leads to it."""

    name: str
    href: str


def crumbs(path: str) -> list[Crumb]:
    """The folders from the root to the one under this raw (encoded) path, which ends in "/"."""
    pieces = path.split("/")[1:-1]
    # Relative, so that they work behind a proxy that strips a prefix; counted in raw pieces,
    # since "/a//b/" is three steps deep for a browser.
    found = [Crumb("", "../" * len(pieces) or "./")]
    for index, piece in enumerate(pieces[-_CRUMBS_MAX:], max(0, len(pieces) - _CRUMBS_MAX)):
        if piece:
            name = unquote_to_bytes(piece).decode("utf-8", "surrogateescape")
            found.append(Crumb(name, "../" * (len(pieces) - 1 - index) or "./"))
    return found


def visible(name: str) -> str:
    """A name as people can see it: one line, nothing invisible, valid Unicode."""
    return name.translate(_VISIBLE)


def render_json(page: Page, path: str) -> bytes:
    """The page for programs: ``href`` leads to the entry, ``name`` is for people."""
    document = {
        "path": path,
        "page": page.number,
        "pages": page.pages,
        "folders": page.folders,
        "files": page.files,
        "complete": page.complete,
        "entries": [
            {
                "name": visible(entry.name),
                "href": _href(entry),
                "type": "folder" if entry.size is None else "file",
                "size": entry.size,
                "modified": _moment(entry.modified_s) + "Z",
            }
            for entry in page.entries
        ],
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def render_html(page: Page, path: str) -> bytes:
    """The page for people; to be sent with ``POLICY`` as Content-Security-Policy."""
    trail = crumbs(path)
    title = _text(trail[-1].name) or "Index"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>{ICONS}",
        _heading(trail, page),
        "<main><table><thead><tr>",
        *(_column(name, page) for name in COLUMNS),
        "</tr></thead><tbody>",
    ]
    if len(trail) > 1:
        parts.append(
            f'<tr class="up"><td class="n"><a href="{trail[-2].href}">{_icon("up")}'
            "<span>Parent folder</span></a></td><td></td><td></td></tr>"
        )
    parts += map(_row, page.entries)
    parts.append("</tbody></table>")
    if not page.entries:
        parts.append('<p class="empty">This folder is empty.</p>')
    parts += [_pager(page), "</main></body></html>\n"]
    return "".join(parts).encode()


def _text(name: str) -> str:
    return escape(visible(name))


def _href(entry: Entry) -> str:
    return quote(os.fsencode(entry.name)) + ("/" if entry.size is None else "")


def _heading(trail: list[Crumb], page: Page) -> str:
    home = "<span>Home</span>" if len(trail) == 1 else ""
    links = [f'<a href="{trail[0].href}" class="home" aria-label="Home">{_icon("home")}{home}</a>']
    links += [f'<a href="{crumb.href}"><bdi>{_text(crumb.name)}</bdi></a>' for crumb in trail[1:]]
    links[-1] = links[-1].replace("<a ", '<a aria-current="page" ', 1)
    items = "".join(f"<li>{link}</li>" for link in links)
    return (
        f'<header><nav aria-label="Breadcrumb"><ol>{items}</ol></nav>'
        f"<p>{_summary(page)}</p></header>"
    )


def _summary(page: Page) -> str:
    counts = [
        f"{count:,} {noun}{'' if count == 1 else 's'}"
        for count, noun in ((page.folders, "folder"), (page.files, "file"))
        if count
    ]
    text = ", ".join(counts) or "Empty"
    if page.size:
        text += f" · {human_size(page.size)}"
    if not page.complete:
        text = f"The first {text} of more than this page can show"
    return text


def _column(name: str, page: Page) -> str:
    label = COLUMNS[name]
    active = page.order.column == name
    state = mark = ""
    if active:
        state = f' aria-sort="{"descending" if page.order.descending else "ascending"}"'
        mark = _icon("desc" if page.order.descending else "asc")
    if page.sortable:
        # A first click on size or date asks for what people look for: the largest, the latest.
        descending = not page.order.descending if active else name != "name"
        label = f'<a href="{_query(Order(name, descending), 1)}">{label}{mark}</a>'
    return f'<th scope="col" class="{name[0]}"{state}>{label}</th>'


def _row(entry: Entry) -> str:
    name, size, modified_s = entry
    kind = "folder" if size is None else icon_for(name)
    moment = _moment(modified_s)
    sized = "" if size is None else f'<data value="{size}">{human_size(size)}</data>'
    return (
        f'<tr><td class="n"><a href="{_href(entry)}">{_icon(kind)}'
        f'<bdi>{_text(name)}</bdi></a></td><td class="s">{sized}</td>'
        f'<td class="m"><time datetime="{moment}Z">{moment[:10]} {moment[11:16]}</time></td></tr>\n'
    )


def _pager(page: Page) -> str:
    if page.pages == 1:
        return ""
    links = []
    for label, number in (("Previous", page.number - 1), ("Next", page.number + 1)):
        if 1 <= number <= page.pages:
            relation = "prev" if label == "Previous" else "next"
            links.append(f'<a rel="{relation}" href="{_query(page.order, number)}">{label}</a>')
        else:
            links.append(f"<span>{label}</span>")
    where = f"Page {page.number:,} of {page.pages:,}"
    return f'<nav class="pager" aria-label="Pages">{links[0]}<p>{where}</p>{links[1]}</nav>'


def _query(order: Order, number: int) -> str:
    parts = []
    if order != ("name", False):
        parts += [f"sort={order.column}", f"order={'desc' if order.descending else 'asc'}"]
    if number > 1:
        parts.append(f"page={number}")
    # "?" alone leads back to the first page by name.
    return "?" + "&amp;".join(parts)


def _icon(kind: str) -> str:
    return f'<svg aria-hidden="true" class="i-{kind}"><use href="#{kind}"/></svg>'


def icon_for(name: str) -> str:
    """Which picture stands for a file of this name: its kind in one word."""
    kind = media_type(os.fsencode(name))
    top, _, sub = kind.partition(";")[0].partition("/")
    if top in {"image", "audio", "video"}:
        return "image" if top == "image" else "media"
    if sub in {"zip", "gzip", "zstd", "x-tar", "x-xz", "x-bzip2", "x-7z-compressed", "vnd.rar"}:
        return "archive"
    if top == "text" or sub in {"pdf", "json", "yaml", "xml"}:
        return "text"
    return "file"


def human_size(size: int) -> str:
    """A size as a file manager shows it: decimal units, at most one decimal."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB", "PB", "EB"):
        value /= 1000
        # 999.95 would round to "1000.0".
        if value < 999.5 or unit == "EB":
            break
    return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"


@lru_cache(maxsize=1024)
def _moment(seconds: int) -> str:
    # A date that the calendar of the C library cannot hold is nobody's real date.
    moment = time.gmtime(min(max(seconds, -62135596800), 253402300799))
    year, month, day, hour, minute, second, *_ = moment
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
