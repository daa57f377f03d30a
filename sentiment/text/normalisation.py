r"""Normalisation: a list of rules that turns a raw tweet into tokens separated by spaces.

A rule is data: a pattern in RE2 syntax and its replacement. The list is saved with the model, so that training,
prediction in Python and the SavedModel graph apply the same rules. Three engines run them:

* Arrow (:mod:`sentiment.text.rules_in_arrow`) and TensorFlow use RE2. RE2 patterns have no look-around and no
  backreferences, and ``\w``, ``\d``, ``\s`` and ``\b`` see only ASCII.
* Python's ``re`` (:mod:`sentiment.text.rules_in_python`) is used for few texts. Tests check that it agrees with RE2.

Two properties keep the rules fast and the engines equal. Tests check them for every rule:

* **Only ASCII letters change case.** Unicode case folding differs between engines and versions (``İ``, ``ß``, final
  sigma). An English model loses nothing.
* **A rule never matches across a space**, and treats a space like the end of the text. A tweet can therefore be
  normalised in chunks (stretches between white space), and each distinct chunk only once.

The special tokens (``<user>``, ``<url>``, ``<number>``, ``<smile>`` ...) come from the GloVe Twitter vectors
(Pennington, Socher and Manning, 2014).
"""

from dataclasses import dataclass

# What separates chunks: ASCII control characters and blanks, and Unicode's spaces, which RE2's \s leaves out.
# U+200B..U+200F, U+2060 and U+FEFF are invisible; U+200D and U+FE0F stay, because emoji are joined by them.
WHITE_SPACE = "[\x00-\x20\x7f-\xa0\u1680\u2000-\u200c\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]+"


# Hashtags of several words with capitals: "#BestDayEver" becomes "Best Day Ever". Replaced before letters become lower
# case, because only capitals show where a word begins. Up to eight words and a number, which are nine groups in all.
_CAPITALISED = "([A-Z][a-z]+|[IA])"
HASHTAG = "#([a-z]{2,}|[0-9]+|[A-Z]+|[A-Z][a-z]+)" + f"(?:{_CAPITALISED}" * 6 + ")?" * 6 + r"([A-Z][a-z]+)([0-9]*)\b"
HASHTAG_WORDS = r" \1 \2 \3 \4 \5 \6 \7 \8 \9 "

# The rules give the same tokens to all chunks that are one mention and nothing else, and to all that are one link.
MENTION, ANY_MENTION = "@[a-z0-9_]+", "@_"
LINK, ANY_LINK = r"https?:/[!#-%'*-;=?-\[\]-~]*", "http:/"


@dataclass(frozen=True, slots=True)
class Rule:
    r"""One replacement: every match of ``pattern`` (RE2) becomes ``replacement`` (``\1`` is the first group)."""

    name: str
    pattern: str
    replacement: str

    def __post_init__(self) -> None:
        """Refuse white space other than the space, at which only some engines would cut tokens."""
        if not {*"\t\n\v\f\r"}.isdisjoint(self.replacement):
            raise ValueError(f"rule {self.name!r}: expected spaces only, received the replacement {self.replacement!r}")


def _any_of(*alternatives: str) -> str:
    return "(?:" + "|".join(alternatives) + ")"


def _runs_of(letters: str) -> str:
    """Return a pattern that matches any one of ``letters`` three or more times in a row.

    The third letter is a capturing group, so that a replacement can keep one letter. RE2 replacements can name nine
    groups, so there are at most nine letters. Each alternative begins with its letter, because ``re`` quickly skips
    such alternatives.
    """
    return "|".join(f"{letter}{letter}({letter}){letter}*" for letter in letters)


LONG = "ː"  # the mark of a token with an elongated letter; U+02D0, which means "long" in phonetics
_ONE_LETTER = r"\1\2\3\4\5\6\7\8\9"  # whichever group matched
_NOSE = "['o*-]?"
_NEGATED = "ai|are?|ca?|could|d|did?|do|does|had|has|have?|is|might|must|need|sha|should|was|were?|wo|would"
_URL = '[^ ()<>"\x80-\U0010ffff]*'  # text after a closing bracket or a letter beyond ASCII is no part of a link
# A flag, or one code point. Sequences (joined emoji, skin tones, keycaps) are cut into these.
EMOJI = (
    "[\U0001f1e6-\U0001f1ff]{2}|[\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff]"
)
_SIGNS = (
    "nbsp|ensp|emsp|thinsp|quot|ldquo|rdquo|bdquo|laquo|raquo|ndash|mdash|hellip|bull|middot|copy|reg|trade|deg|times|"
    "divide|pound|euro|yen|cent|sect|para|iexcl|iquest|zwnj|zwj|shy|lrm|rlm|larr|rarr|uarr|darr|spades|clubs|diams|"
    "comma|period|lowbar|ast|num|dollar|percnt|plus|equals|sol|bsol|verbar|tab|newline|star|check|acute|uml|cedil"
)


def _entity(name: str, code: int) -> str:
    """Return a pattern that matches an HTML entity by its names (joined by ``|``), or by its code."""
    return f"&(?:{name}|#0*{code}|#x0*{code:x});"


RULES: tuple[Rule, ...] = (
    # What is escaped twice or more often ("&amp;lt;") is made "&lt;" first.
    Rule("ampersand", "&(?:(?:amp|#0*38|#x0*26);)+", "&"),
    Rule("less_than", _entity("lt", 60), "<"),
    Rule("greater_than", _entity("gt", 62), ">"),
    Rule("apostrophe", rf"{_entity('apos|lsquo|rsquo|grave', 39)}|&#821[67];|(?:&#x|\\u)201[89];?|[’‘´`ʹʼˈ‛′＇]", "'"),
    Rule("left_bracket", _entity("lpar", 40), "("),
    Rule("right_bracket", _entity("rpar", 41), ")"),
    Rule("colon", _entity("colon", 58), ":"),
    Rule("at_sign", _entity("commat", 64), "@"),
    Rule("exclamation_entity", _entity("excl", 33), "!"),
    Rule("question_entity", _entity("quest", 63), "?"),
    Rule("heart_entity", _any_of(_entity("hearts|heartsuit", 9829), _entity("hearts", 10084)), "❤"),
    Rule("letter_entity", "&([a-z])(?:acute|grave|circ|uml|tilde|cedil|ring|slash|caron);", r"\1"),
    Rule("other_entity", f"&(?:{_SIGNS}|#[0-9]+|#x[0-9a-f]+);|\\\\u[0-9a-f]{{4}}|ï¿½|\ufffd", " "),
    Rule("url", rf"(?:https?:/|\bwww\.){_URL}|\b[a-z0-9-]+\.(?:com|org|net|ly|fm|tv)\b(?:/{_URL})?", " <url> "),
    Rule("mention", MENTION, " <user> "),
    Rule("emoji_variant", "(?:\u200d[♀♂]|[\ufe0e\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f])+", ""),
    Rule("less_than_number", r"<(3+(?:%|[.,:][0-9]))", r" \1"),
    Rule("heart", r"<3+(\b|[a-z])|[♥❤❣💕💖💗💓💞💘💙💚💛💜🧡🤎🖤🤍🩷🩵🩶💝💟💌🫶😍🥰😘😻]", r" <heart> \1"),
    Rule("laugh", _any_of(r"\bx+d+\b", r"\B[:=;]" + _NOSE + r"[dp]+\b", "[😂🤣😆😝😜😛😋🤪😹]"), " <lolface> "),
    Rule(
        "smile",
        _any_of(
            "[:=;]" + _NOSE + r"[)\]}]+",
            "[([{]+" + _NOSE + "[:=;]",
            r"\^[_.]?\^",
            "[😀😃😄😁😊🙂😉☺😇😎😌🤩🥳👍👏🙌🙏💪👌🎉🎊🤗]",
        ),
        " <smile> ",
    ),
    Rule(
        "sad",
        _any_of(
            r"\B[:=;]'?" + _NOSE + r"[(\[{]+",
            "[:=;]'?" + _NOSE + r"[(\[{]+\B",
            r"\B[)\]}]+" + _NOSE + "[:=]",
            "</3",
            "[😢😭😞😔😟🙁☹😦😧😓😣😖😩😫😥😰😷🤒🤕🤦🙍🙎😿💔👎🖕😠😡🤬😤]",
        ),
        " <sadface> ",
    ),
    Rule("neutral", _any_of("[:=]" + _NOSE + r"[\\/|]+", r"-[_.]+-", "[😐😑😕🤔😒🙄]"), " <neutralface> "),
    Rule("top_stars", "[★⭐🌟]{4,}☆?", " <toprating> "),
    Rule("low_stars", "[★⭐]{1,2}☆{2,}", " <lowrating> "),
    Rule("emoji", f"({EMOJI})", r" \1 "),
    Rule("date", r"\b[0-9]+(?:/[0-9]+){2,}\b", " <number> "),
    Rule("rating_decimals", r"\b([0-9]+)[.,][0-9]+/(5|10)\b", r"\1/\2"),
    Rule("top_rating", r"\b(?:[45]/5|(?:[89]|[1-9][0-9]+)/10|100/100|5-?stars?)\b", " <toprating> "),
    Rule("middle_rating", r"\b(?:3/5|[567]/10|3-?stars?)\b", " <midrating> "),
    Rule("low_rating", r"\b(?:[012]/5|[0-4]/10|0/100|[01]-?stars?)\b", " <lowrating> "),
    # Numbers up to ten, and a hundred, stay as they are, because they are ratings: "5 stars", "8 out of 10", "100%".
    Rule("number", r"\b(?:[0-9]+(?:[.,:/%][0-9]+)+|[02-9][0-9]+|1[1-9][0-9]*|10[1-9][0-9]*|100[0-9]+)\b", " <number> "),
    Rule("quotation", r"\B'+|'+\B", " "),
    Rule("negation", rf"\b(?:({_NEGATED})(?:n'?t(?:'t)?|'n'?t)|(ca)nnot)\b", r"\1\2 n't"),
    Rule("clitic", r"'(s|m|re|ve|ll|d)\b", r" '\1"),
    Rule("exclamation", "!+", " ! "),
    Rule("question", r"\?+", " ? "),
    Rule("elongation_a_i", _runs_of("abcdefghi"), _ONE_LETTER + LONG),
    Rule("elongation_j_r", _runs_of("jklmnopqr"), _ONE_LETTER + LONG),
    Rule("elongation_s_z", _runs_of("stuvwxyz"), _ONE_LETTER[:-2] + LONG),
    # The mark goes to the front of the token; see sentiment.text.lemmas.
    Rule("elongated_token", f"([a-z0-9']+){LONG}([a-z0-9']*){LONG}?([a-z0-9']*){LONG}*", rf"{LONG}\1\2\3"),
    Rule("punctuation", r"[\x22-\x26\x28-\x2f:;=@\[-`{-~¡-¿×÷‐-‧…‰-⁞]", " "),
)
