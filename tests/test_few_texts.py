"""The path for few texts: Python's engine gives the tokens of Arrow's, and nobody notices which of them ran."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentiment.text import few_texts
from sentiment.text.few_texts import FewTexts
from sentiment.text.lexicon import LexiconEntry, build_lexicon
from sentiment.text.normalisation import LONG, RULES, Rule
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.rules_in_python import BEYOND_ASCII, LONGEST, MARKS, SIGNS, SYMBOLS, CompiledRules, to_lower_case
from sentiment.text.tokens import tokenise
from tests.model_fixture import ODD_TWEETS
from tests.test_text import PIECES, rows_of, texts_strategy
from tests.test_text import normalise as in_arrow

LEXICON = build_lexicon([LexiconEntry(word, word, 9) for word in ("love", "n't", "do", "aa", "it", "İ", "❤")])


def in_python(texts: Sequence[str], rules: Sequence[Rule] = RULES) -> list[list[str]]:
    compiled = CompiledRules(rules)
    return compiled.tokens_of([to_lower_case(text.encode()) for text in texts])


@given(st.lists(texts_strategy, min_size=1, max_size=6))
@example([text for text in ODD_TWEETS if len(text) <= LONGEST])
def test_tokens_are_those_of_arrow(texts: list[str]) -> None:
    assert in_python(texts) == in_arrow(texts)


MORE = [*PIECES, *(f"&{name};" for name in ("lpar", "rpar", "colon", "commat", "excl", "quest", "hearts", "#9829"))]
MORE += ["⭐☆☆", "mmm", f"so{LONG}n{LONG}"]
PAIRS = [" ".join(first + second for second in MORE) for first in MORE]  # no rule matches across a space


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_alone_on_every_pair_of_pieces(rule: Rule) -> None:
    assert in_python(PAIRS, [rule]) == in_arrow(PAIRS, [rule])


MENTIONS_AND_LINKS = [
    "@bob it", "@al", "@al\n@bob", "@bob!", "@BOB it", "x@bob", "@@bob", "@é", "@www.x.com", "@bit.ly it", "@", "@it\0",
    "http:/", "it http://t.co/a1?b=c#d it", "HTTPS://X.com/@bob,it", "http://t.co/x)it", "http://t.co/<it", "xhttp://it",
    "http://t.co/x\tit", "http://t.co/&lt;it", "http://x.y/“it”", "http://x.y/it's", "http://a`b", "http:it", "http",
    "http://x.y/#LoveIt it", '"http://x.y/it"it', r"http://x.y/\u2026it", "@123 it",
]  # fmt: skip


OTHERS = (Rule("ada", "@al", "love"), *RULES)
NUMBERS_FIRST = sorted(RULES, key=lambda rule: rule.name != "number")


@pytest.mark.parametrize("rules", [RULES, OTHERS, NUMBERS_FIRST], ids=["ours", "others", "in another order"])
@pytest.mark.parametrize("times", [1, 80])
def test_mentions_and_links_share_their_ids_where_the_rules_treat_all_alike(rules: Sequence[Rule], times: int) -> None:
    lexicon = build_lexicon([LexiconEntry(word, word, 9) for word in ("love", "it", "<user>", "<url>", "bob", "x")])
    types, codes = tokenise(MENTIONS_AND_LINKS, rules)
    expected = [[lexicon.id_of(types[code]) for code in row] for row in rows_of(codes)]
    rows = rows_of(Preprocessor(rules, lexicon, 9).encode(MENTIONS_AND_LINKS * times))
    assert rows == [[i for i in row if i] or [1] for row in expected] * times


@pytest.mark.parametrize("count", [1, 40, 64, 65, 80])
@pytest.mark.parametrize("long", [LONGEST, LONGEST + 1])
def test_ids_do_not_depend_on_the_number_of_texts_or_their_length(count: int, long: int) -> None:
    preprocessor = Preprocessor(RULES, LEXICON, 5)
    texts = ["don't love it, the ❤", "İ aaa", "", *("love " * 90, "(" * long), *(f"n{i} it" for i in range(80))][:count]
    tokens = tokenise(texts)
    expected = [
        [i for i in LEXICON.lookup([tokens.types[code] for code in row]) if i][:5] or [1]
        for row in rows_of(tokens.codes)
    ]
    assert rows_of(preprocessor.encode(texts)) == expected


def test_a_rule_that_the_engines_read_differently_is_left_to_arrow() -> None:
    empty = Rule("empty", "x*", "-")  # Arrow: -a-b-, Python: -a--b-
    assert in_python(["axb"], [empty]) != in_arrow(["axb"], [empty])
    lexicon = build_lexicon([LexiconEntry("-a-b-", "-a-b-", 9)])
    assert rows_of(Preprocessor((empty,), lexicon, 5).encode(["axb"])) == [[lexicon.ids["-a-b-"]]]


def test_what_is_met_is_remembered_up_to_a_bound_and_longest_if_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_texts, "_AT_MOST", 3)
    asked: list[bytes] = []
    few = FewTexts(lambda chunks: asked.extend(chunks) or [[len(chunk)] for chunk in chunks])  # type: ignore[func-returns-value]
    long = b"x" * 65
    assert few.rows_of([b"a bb A", b"bb " + long]) == [[1, 2, 1], [2, 65]]
    assert asked == [b"a", b"bb", long]
    assert few.rows_of([b"a " + long]) == [[1, 65]]  # it is too long to be remembered
    assert asked[3:] == [long]
    few.rows_of([b"c d"])  # too many: a and bb become the older half
    few.rows_of([b"a"])  # comes again
    few.rows_of([b"e f"])  # the older half is c, d and a now
    assert asked[4:] == [b"c", b"d", b"e", b"f"]
    assert few.rows_of([b"a bb"]) == [[1, 2]]
    assert asked[8:] == [b"bb"]


def test_mentions_and_links_are_asked_for_once() -> None:
    asked: list[bytes] = []
    few = FewTexts(lambda chunks: asked.extend(chunks) or [[7]] * len(chunks))  # type: ignore[func-returns-value]
    assert few.rows_of([b"@al @Bob", b"@carla"]) + few.rows_of([b"@dan"]) == [[7, 7], [7], [7]]
    assert few.rows_of([b"http://t.co/a HTTPS://x.y?z"]) + few.rows_of([b"http://b"]) == [[7, 7], [7]]
    assert asked == [b"@_", b"http:/"]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.name in SIGNS], ids=lambda rule: rule.name)
def test_a_rule_matches_nothing_without_its_signs(rule: Rule) -> None:
    text = to_lower_case(" ".join(PAIRS).encode()).decode()
    matches = {match[0] for match in re.finditer(rule.pattern, text, re.ASCII)}
    assert matches
    assert [match for match in matches if not has_one_of(match, SIGNS[rule.name])] == []


def has_one_of(match: str, signs: str) -> bool:
    marks = [mark for mark, pattern in MARKS.items() if pattern.search(match)]
    beyond = [sign for sign in (BEYOND_ASCII, SYMBOLS) if max(match) >= sign]
    return not {*signs}.isdisjoint({*match, *marks, *beyond})


def test_a_rule_that_needs_signs_finds_them_after_another_rule_made_them() -> None:
    assert in_python(["&colon;)", "don&apos;t", "&#64;ada"]) == [["<smile>"], ["do", "n't"], ["<user>"]]
