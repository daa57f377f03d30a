"""Foreign text on one line of a terminal or a page."""

import unicodedata

_JOINER = "\u200d"  # invisible, but emoji are joined by it


def without_controls(text: str, instead: str = "") -> str:
    """``text`` without what could drive a terminal or turn the reading direction (Unicode's Cc, Cf, Cs, Zl, Zp).

    Tabs and line ends become spaces, the others what ``instead`` gives.
    """
    if text.isprintable():
        return text
    unwanted = ("Cc", "Cf", "Cs", "Zl", "Zp")
    kept = (" " if c in "\t\n\r" else c for c in text)
    return "".join(c if c == _JOINER or unicodedata.category(c) not in unwanted else instead for c in kept)
