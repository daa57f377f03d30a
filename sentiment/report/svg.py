"""Draw Matplotlib figures as inline SVG that takes its colours from the page.

Letters are SVG text and not paths, no fonts or styles are loaded, and equal data give equal bytes. Colours are CSS
variables, so a drawing is legible on light and dark pages.
"""

import html
import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, RULE = "#010101", "#020202", "#030303"
SERIES = ("#0a0a01", "#0a0a02", "#0a0a03", "#0a0a04")
# Placeholder -> CSS variable of the page. The colour after the comma applies if the SVG is used without the page.
_VARIABLES = {
    INK: "currentColor",
    MUTED: "var(--muted,#5c6068)",
    RULE: "var(--rule,#d5d3cc)",
    SERIES[0]: "var(--series-1,#1f5fa6)",
    SERIES[1]: "var(--series-2,#b4501e)",
    SERIES[2]: "var(--series-3,#3b7a57)",
    SERIES[3]: "var(--series-4,#7a4f9a)",
}
_STYLE: dict[str, Any] = {
    "figure.constrained_layout.h_pad": 0.06,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "path.simplify_threshold": 1.0,  # in 1/72 inch: a curve has a few hundred points, however many tweets there are
}


def draw(name: str, alt: str, paint: Callable[[Figure], None], width: float = 4.7, height: float = 3.3) -> str:
    """Paint a figure and return it as an ``<svg>`` element.

    Args:
        name: the prefix of all ids, which makes them unique in a page; letters, digits and hyphens.
        alt: the text alternative, with the key numbers.
        paint: a function that draws into an empty figure.
        width, height: the size in inches of 72 SVG units.
    """
    with matplotlib.style.context(["default", {**_STYLE, "svg.hashsalt": name}]), warnings.catch_warnings():
        # A class may be named in a script that Matplotlib's own font lacks; the browser has fonts for it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        paint(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inline(buffer.getvalue(), name, alt)


def percent_axis(axes: Axes, which: str) -> None:
    """Show the shares (0 to 1) on an axis as percentages; ``which`` is ``x``, ``y`` or ``both``."""
    for letter in "xy" if which == "both" else which:
        getattr(axes, f"{letter}axis").set_major_formatter(lambda share, _: f"{round(100 * share, 3):g}%")


def renamed(svg: str, prefix: str) -> str:
    """Return ``svg`` with ``prefix`` before its ids and references, so that a page can contain the drawing twice."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}", svg)


def _inline(svg: str, name: str, alt: str) -> str:
    """Return Matplotlib's SVG file as one ``<svg>`` element with unique ids, without declarations and metadata."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r"""(?:href="|url\()#([^")]+)""", svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    svg = re.sub(r"font: ([0-9.]+px)[^;\"]*", r"font-size: \1", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"\n\s*", "\n", re.sub(r"<defs>\s*</defs>", "", svg))
    box = re.search(r'viewBox="[^"]*"', svg)
    label = html.escape(alt, quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} role="img" aria-label="{label}">'
    return f"{head}<title>{label}</title>{svg[svg.index('>') + 1 :]}"
