"""Prepare numbers and untrusted text for one line of a terminal or a page."""

import unicodedata

_JOINER = "\u200d"  # zero-width joiner, which joins emoji


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 tweet" or "2,000 tweets". Without ``plural`` the noun gets an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def without_controls(text: str, instead: str = "") -> str:
    """Return ``text`` without characters that control a terminal or the reading direction (Unicode Cc, Cf, Cs, Zl, Zp).

    Tabs and line ends become spaces. Every other control character becomes ``instead``.
    """
    if text.isprintable():
        return text
    unwanted = ("Cc", "Cf", "Cs", "Zl", "Zp")
    kept = (" " if c in "\t\n\r" else c for c in text)
    return "".join(c if c == _JOINER or unicodedata.category(c) not in unwanted else instead for c in kept)
