"""The Jinja environment, with filters that format numbers and escape untrusted text in HTML and Markdown."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from sentiment.common.messages import counted, without_controls

MISSING = "–"


def render_page(template: str, **values: Any) -> str:
    """Render a template from ``sentiment/report/templates`` with ``values``; HTML templates escape text."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """Return the Jinja environment, which escapes text in HTML and raises an error for an undefined name."""
    made = Environment(
        loader=PackageLoader("sentiment.report"),
        autoescape=select_autoescape(["html.j2"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {
        "percent": percent, "number": number, "points": points, "standing": standing, "p_value": p_value, "clip": clip,
        "counted": counted, "value": value, "plain": without_controls, "label": label, "md": markdown, "code": code,
    }  # fmt: skip
    made.filters.update(filters)
    return made


def percent(share: float | None, digits: int = 1) -> str:
    """Format a share in percent, for example 0.8859 as 88.6%. None becomes a dash."""
    return MISSING if share is None else f"{100 * share:.{digits}f}%"


def number(amount: float | None, digits: int = 3) -> str:
    """Format a number, for example 12345 as 12,345 and 0.12345 as 0.123. None becomes a dash."""
    if amount is None:
        return MISSING
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:.{digits}f}"


def points(difference: float | None) -> str:
    """Format a difference of shares in percentage points with a sign, for example 0.012 as +1.2."""
    if difference is None:
        return MISSING
    text = f"{100 * difference:+.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text.replace("-", "−")


def standing(difference: float) -> str:
    """Return a difference of shares in words: ``1.2 points above``, or ``level with`` if the difference rounds to 0."""
    size = f"{100 * abs(difference):.1f}"
    return "level with" if size == "0.0" else f"{size} points {'above' if difference > 0 else 'below'}"


def p_value(p: float | None) -> str:
    """Format a p-value with three decimals, or as ``< 0.001``. None becomes a dash."""
    if p is None:
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def clip(text: str, longest: int = 300) -> str:
    """Remove control characters from ``text``; cut a longer text to ``longest`` characters, and add its full length."""
    text = without_controls(text)
    return text if len(text) <= longest else f"{text[:longest].rstrip()}… [{len(text):,} characters]"


def value(setting: Any) -> str:
    """Format the value of a setting: join a list with commas, and show a table as ``key = value`` pairs."""
    if isinstance(setting, dict):
        return ", ".join(f"{key} = {item}" for key, item in setting.items()) or "none"
    if isinstance(setting, list | tuple):
        return ", ".join(map(str, setting)) or "none"
    return "(empty)" if setting == "" else str(setting)


def markdown(text: Any) -> str:
    """Return untrusted text as one line of Markdown, with all markup escaped."""
    flat = " ".join(without_controls(str(text)).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*_{}\[\]()#!|~$]|^[-+=])", r"\\\1", flat)
    return re.sub(r"(?i)(https?|ftp|www)([:.])", r"\1\\\2", flat)


def code(text: Any) -> str:
    """Return untrusted text as a Markdown code span; replace backquotes and bars, which end a span or a table cell."""
    flat = " ".join(without_controls(str(text)).split()).replace("`", "'").replace("|", "¦")
    return f"`{flat}`"


NAMES = {
    "model": "This model",
    "majority": "Majority class",
    "vader": "VADER",
    "textblob": "TextBlob",
    "tfidf_logistic_regression": "TF-IDF + logistic regression",
    "fasttext": "fastText",
    "held_out": "Held-out tweets",
}


def label(name: str) -> str:
    """Return the display name of a test set or baseline."""
    return NAMES.get(name, name.replace("_", " "))
