r"""Normalisation: a list of rules that turns a raw tweet into tokens between spaces.

The rules are data (pattern -> replacement, RE2 syntax) and travel with the model, so that training, the
Python path and the SavedModel graph apply the very same list. Three engines run it: Arrow
(:mod:`sentiment.text.rules_in_arrow`) and TensorFlow in the graph are both RE2: no look-around, no backreferences
in a pattern, and ``\w \d \s \b`` are ASCII; Python's ``re`` takes the rules below for few texts
(:mod:`sentiment.text.rules_in_python`), and tests hold it equal.

Two properties keep the rules fast and the engines equal, and tests hold every rule to them:

* **Only ASCII letters change case.** Unicode case folding differs between engines and versions (``İ``, ``ß``,
  final sigma); an English model loses nothing.
* **A rule never looks across a space.** Normalising a tweet is therefore the same as normalising each of its
  chunks (the stretches between white space), and a chunk needs it only once however often it occurs.

The special tokens (``<user>``, ``<url>``, ``<number>``, ``<smile>`` ...) are those of the GloVe Twitter vectors
(Pennington, Socher and Manning, 2014).
"""

from dataclasses import dataclass

# What separates chunks: ASCII control characters and blanks, and Unicode's spaces, which RE2's \s leaves out.
# U+200B..U+200F, U+2060 and U+FEFF are invisible; U+200D and U+FE0F stay, because emoji are joined by them.
WHITE_SPACE = "[\x00-\x20\x7f-\xa0\u1680\u2000-\u200c\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]+"


@dataclass(frozen=True, slots=True)
class Rule:
    r"""One replacement: every match of ``pattern`` (RE2) becomes ``replacement`` (``\1`` is the first group)."""

    name: str
    pattern: str
    replacement: str


def _any_of(*alternatives: str) -> str:
    return "(?:" + "|".join(alternatives) + ")"


def _runs_of(letters: str) -> str:
    """Return a pattern of three or more of one letter.

    The third letter is a group, and a replacement in RE2 can name nine groups. Python's ``re`` skips an alternative at
    once if it begins with a letter.
    """
    return "|".join(f"{letter}{letter}({letter}){letter}*" for letter in letters)


_TWICE = r"\1\1\2\2\3\3\4\4\5\5\6\6\7\7\8\8\9\9"  # whichever group there is
_NOSE = "['o*-]?"
_NEGATED = "ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|should|was|were|wo|would"

RULES: tuple[Rule, ...] = (
    Rule("url", r"(?:https?:/|www\.)[^ ]*|\b[a-z0-9-]+\.(?:com|org|net|ly|fm|tv)\b(?:/[^ ]*)?", " <url> "),
    Rule("mention", "@[a-z0-9_]+", " <user> "),
    Rule("quote_entity", "&(?:quot|#34|nbsp);|ï¿½|�", " "),
    Rule("less_than", "&lt;", "<"),
    Rule("greater_than", "&gt;", ">"),
    Rule("ampersand", "&amp;", "&"),
    Rule("heart", "<3+|[♥❤💕💖💗💓💞💘💙💚💛💜🖤🤍😍🥰😘]", " <heart> "),
    Rule("laugh", _any_of(r"\bx+d+\b", "[:=;]" + _NOSE + r"[dp]+\b", "[😂🤣😆😝😜😛😋]"), " <lolface> "),
    Rule(
        "smile",
        _any_of(
            "[:=;]" + _NOSE + r"[)\]}]+",
            "[([{]+" + _NOSE + "[:=;]",
            r"\^[_.]?\^",
            "[😀😃😄😁😊🙂😉☺😇😎👍👏🙌🎉🤗]",
        ),
        " <smile> ",
    ),
    Rule(
        "sad",
        _any_of(
            "[:=;]'?" + _NOSE + r"[(\[{]+",
            r"[)\]}]+" + _NOSE + "[:=]",
            "</3",
            "[😢😭😞😔😟🙁☹😣😖😩😫😥😰😿💔👎😠😡🤬😤]",
        ),
        " <sadface> ",
    ),
    Rule("neutral", _any_of("[:=]" + _NOSE + r"[\\/|]+", r"-[_.]+-", "[😐😑😕🤔😒🙄]"), " <neutralface> "),
    Rule("number", r"\b[0-9]+(?:[.,:/%][0-9]+)*\b", " <number> "),
    Rule("quotation", r"\B['’‘´`]+|['’‘´`]+\B", " "),
    Rule("negation", rf"\b({_NEGATED})n['’´`]?t\b", r"\1 n't"),
    Rule("clitic", r"['’´`](s|m|re|ve|ll|d)\b", r" '\1"),
    Rule("exclamation", "!+", " ! "),
    Rule("question", r"\?+", " ? "),
    Rule("elongation_a_i", _runs_of("abcdefghi"), _TWICE),
    Rule("elongation_j_r", _runs_of("jklmnopqr"), _TWICE),
    Rule("elongation_s_z", _runs_of("stuvwxyz"), _TWICE[:-4]),
    Rule("punctuation", r"[\x22-\x26\x28-\x2f:;=@\[-`{-~¡-¿×÷‐-‧…‰-⁞]", " "),
)
