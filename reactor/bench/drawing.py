"""Drawing for a page: matplotlib without a window system, and SVG in the page's own colours.

matplotlib draws in stand-in colours. Each becomes a CSS variable afterwards, and the page says what
that is in light and in dark. Text stays text, in the page's font. Knows nothing of comparisons.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

# Stand-ins: #fe00NN becomes var(--cNN).
INK, MUTED, BAND, PAPER = "#fe0000", "#fe0001", "#fe0002", "#fe0003"
SERIES = tuple(f"#fe00{number:02x}" for number in range(0x10, 0x18))
MARKS = "osD^vP*X"
Dash = Literal["-", "--", ":"]
DASHES: tuple[Dash, ...] = get_args(Dash)  # when the colours start again
STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": BAND,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}
# What part of a factor of ten gets numbers, by how wide the axis is; a narrower one is linear.
SUBS = ((2.5, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)), (12.0, (1.0, 2.0, 5.0)), (500.0, (1.0,)))
WIDTH = 8.0  # inches: 576 points


@dataclass(frozen=True)
class Plot:
    """``svg`` is an element to be put into a page; ``caption`` says how to read it."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Look:
    """Of one server, the same in all plots."""

    color: str
    mark: str
    dash: Dash
    width: float


def looks(names: Sequence[str]) -> dict[str, Look]:
    """The first one's line is the thickest."""
    return {
        name: Look(
            SERIES[number % len(SERIES)],
            MARKS[number % len(MARKS)],
            DASHES[number // len(SERIES) % len(DASHES)],
            1.4 if number else 2.2,
        )
        for number, name in enumerate(dict.fromkeys(names))
    }


@contextmanager
def styled() -> Iterator[None]:
    """While it lasts, figures look like this and not as a user's matplotlibrc says."""
    with mpl.style.context(["default", STYLE]), warnings.catch_warnings():
        # A name may have letters that matplotlib's own font lacks; the reader's will have them.
        warnings.filterwarnings("ignore", "Glyph")
        yield


def figure_and_axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def make_logarithmic(axes: Axes, name: Literal["x", "y"]) -> None:
    """With some five round numbers as people write them; call it when all is drawn."""
    (axes.set_xscale if name == "x" else axes.set_yscale)("log")
    axis: Any = axes.xaxis if name == "x" else axes.yaxis
    low, high = axes.get_xlim() if name == "x" else axes.get_ylim()
    locator: Locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    for span, subs in SUBS:
        if high / low > span:
            locator = LogLocator(subs=subs)
    axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    write_plainly(axis)


def write_plainly(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def add_legend(figure: Figure, looks: dict[str, Look]) -> None:
    # With handles of its own: matplotlib would leave out a name that begins with "_".
    handles = [
        Line2D([], [], color=look.color, linestyle=look.dash, linewidth=look.width)
        for look in looks.values()
    ]
    figure.legend(handles, list(looks), loc="outside upper left", ncols=6)


def finished(figure: Figure, title: str, caption: str) -> Plot:
    """The SVG element alone: in the page's colours and font, with ids that no other plot has."""
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": title}):
        figure.savefig(
            file,
            format="svg",
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.S)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r' (?:width|height)="[0-9.]+pt"', "", text, count=2)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    text = re.sub(r"((?:fill|stroke): )#fe00([0-9a-f]{2})", r"\1var(--c\2)", text)
    # A name's control characters have no place in XML; matplotlib escapes the rest.
    text = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    return Plot(title, caption, text)
