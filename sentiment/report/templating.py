"""The Jinja environment and its filters for numbers and untrusted text in HTML and Markdown."""

import math
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from sentiment.common.display import counted, without_controls

MISSING = "–"
LONGEST_TEXT = 300


def render_page(template: str, **values: Any) -> str:
    """Render a template of ``sentiment/report/templates``; in HTML untrusted text is escaped."""
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """Return the Jinja environment; it escapes HTML and refuses unknown names."""
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
    """Return a share in percent: 0.8859 -> 88.6%."""
    return MISSING if share is None or math.isnan(share) else f"{100 * share:.{digits}f}%"


def number(amount: float | None, digits: int = 3) -> str:
    """Return a number for print: 12345 -> 12,345 and 0.12345 -> 0.123."""
    if amount is None or (isinstance(amount, float) and math.isnan(amount)):
        return MISSING
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:.{digits}f}"


def points(difference: float | None) -> str:
    """Return a difference of shares in percentage points, with a sign."""
    if difference is None:
        return MISSING
    text = f"{100 * difference:+.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text.replace("-", "−")


def standing(difference: float) -> str:
    """Return in words how far a share is from another: ``1.2 points above``, or ``level with`` if it rounds to 0."""
    size = f"{100 * abs(difference):.1f}"
    return "level with" if size == "0.0" else f"{size} points {'above' if difference > 0 else 'below'}"


def p_value(p: float | None) -> str:
    """Return a p-value with three decimals, or that it is below 0.001."""
    if p is None:
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def clip(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return ``text`` without control characters; a long text is cut and ends in an ellipsis."""
    text = without_controls(text)
    return text if len(text) <= longest else f"{text[:longest].rstrip()}… [{len(text):,} characters]"


def value(setting: Any) -> str:
    """Return a setting as text; lists are joined, tables become pairs."""
    if isinstance(setting, dict):
        return ", ".join(f"{key} = {item}" for key, item in setting.items()) or "none"
    if isinstance(setting, list | tuple):
        return ", ".join(map(str, setting)) or "none"
    return "(empty)" if setting == "" else str(setting)


def markdown(text: Any) -> str:
    """Return untrusted text for Markdown prose or a table cell: one line, with markup escaped."""
    flat = " ".join(without_controls(str(text)).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*_{}\[\]()#!|~$]|^[-+=])", r"\\\1", flat)
    return re.sub(r"(?i)(https?|ftp|www)([:.])", r"\1\\\2", flat)


def code(text: Any) -> str:
    """Return untrusted text as a Markdown code span that backquotes and bars cannot end."""
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
    """Return the printed name of a test set or baseline."""
    return NAMES.get(name, name.replace("_", " "))
