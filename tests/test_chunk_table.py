"""The chunk table: it holds what it was given and nothing else, and answers are those of the rules, with or without it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiment
from sentiment.common.ragged import ragged
from sentiment.errors import InputError
from sentiment.text.chunk_table import LONGEST, MOST_IDS, Chunks, ChunkTable, build_table
from sentiment.text.frequent_chunks import make_table
from sentiment.text.inputs import encode_all
from sentiment.text.lexicon import LexiconEntry, build_lexicon
from sentiment.text.normalisation import RULES, Rule
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.rules_in_python import can_run
from sentiment.text.tokens import tokenise
from tests.model_fixture import ODD_TWEETS, shared_model
from tests.test_text import PIECES, rows_of, texts_strategy

WORDS = "love n't do aa it İ ❤ ! <user> <smile> x xd ha s rt <url> tag"
LEXICON = build_lexicon([*(LexiconEntry(w, w, 9) for w in WORDS.split()), LexiconEntry("the", None, 9)])
CORPUS = ["love it, the İ ❤ :) don't xd", "love it, the İ ❤ :) don't xd"]
# Chunks about which something is evident, and near misses.
NEAR = (
    "@ada", "@ada_1", "@ada.", "@", "@é", "@ada\t", "http:/", "http://a.b/c", "https://x", "http:", "www.", "www.é",
    "http://a\u2003b", "love", "love.", "love!!", "love?!", "#tag", "##tag", "#", "the", "the,", "dont", "dont!", "xd",
    "xdd.", "loooove", "loooove!", "love.com", "qqq", "qqq...", "a.", "É", "lové", "n't", "cant?", "!", "!!", "?.", ".",
)  # fmt: skip


def plain_and_table(
    skip: str = "", corpus: Sequence[str] = CORPUS, max_tokens: int = 6
) -> tuple[Preprocessor, Preprocessor]:
    plain = Preprocessor(tuple(rule for rule in RULES if rule.name != skip), LEXICON, max_tokens)
    return plain, dataclasses.replace(plain, table=make_table(plain, [pa.array(corpus)]))


@pytest.fixture(scope="module")
def pair() -> tuple[Preprocessor, Preprocessor]:
    return plain_and_table()


def assert_equal(pair: tuple[Preprocessor, Preprocessor], texts: Sequence[str]) -> None:
    """By the table, by Arrow's rules and by Python's."""
    plain, table = pair
    expected = rows_of(plain.encode(pa.array(list(texts), pa.string())))
    assert rows_of(table.encode(pa.array(list(texts), pa.string()))) == expected
    assert rows_of(table.shorten(table._many.encode(list(texts)))) == expected
    if can_run(table.rules):
        assert rows_of(table.shorten(ragged(table._few.rows_of(encode_all(texts))))) == expected


@settings(max_examples=30)
@given(st.lists(texts_strategy, max_size=6))
def test_ids_are_those_of_the_rules(pair: tuple[Preprocessor, Preprocessor], texts: list[str]) -> None:
    assert_equal(pair, texts)


def test_every_pair_of_pieces_and_what_is_evident() -> None:
    """With a table of some chunks, of none and of all; the rules alone are asked once. No rule matches across a space."""
    pieces = [*PIECES, *NEAR]
    texts = [*ODD_TWEETS, *(" ".join(first + second for second in pieces) for first in pieces)]
    pair = plain_and_table(max_tokens=2000)
    assert_equal(pair, texts)
    expected = rows_of(pair[0].encode(texts))
    some = texts[::2]
    assert 300 < max(map(len, expected[len(ODD_TWEETS) :])) < 2000
    for corpus in ([""], some * 2):
        assert rows_of(plain_and_table(corpus=corpus, max_tokens=2000)[1].encode(some)) == expected[::2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_nothing_is_evident_where_a_rule_is_left_out(rule: Rule) -> None:
    texts = [*NEAR, *PIECES, *ODD_TWEETS[:12]]
    pair = plain_and_table(rule.name)
    assert_equal(pair, texts)
    tokens = tokenise(texts, pair[0].rules)
    ids = [[LEXICON.id_of(tokens.types[code]) for code in row] for row in rows_of(tokens.codes)]
    assert rows_of(pair[0].encode(pa.array(texts))) == [[i for i in row if i][:6] or [1] for row in ids]


def test_few_and_many_texts_through_encode(pair: tuple[Preprocessor, Preprocessor]) -> None:
    plain, table = pair
    texts = [*NEAR, *ODD_TWEETS]
    for some in (texts, texts[:3], [], np.array(NEAR), pa.chunked_array([texts[:9], texts[9:]])):
        assert rows_of(table.encode(some)) == rows_of(plain.encode(some))


def test_a_table_holds_what_it_was_given() -> None:
    odd = [b"a\0", b"a", b"x" * LONGEST, b"y" * (LONGEST + 1), b"", b"\xff"]
    chunks = [*(f"w{i}".encode() for i in range(3000)), *odd]
    rows = [[i] * (1 + i % MOST_IDS) for i in range(1, len(chunks) + 1)]
    table = build_table([*chunks, b"many"], ragged([*rows, [1] * (MOST_IDS + 1)]))
    asked = [*chunks, b"many", b"w3000", b"a\0\0", b"x" * (LONGEST - 1), b"x" * 40]
    lengths = np.array([len(chunk) for chunk in asked])
    data = np.frombuffer(b"".join(asked) + bytes(LONGEST + 1), np.uint8)
    slots, found = table.find(data, Chunks(np.cumsum(lengths) - lengths, lengths))
    held = [i for i, chunk in enumerate(chunks) if 0 < len(chunk) <= LONGEST]
    assert np.mean(found[held]) > 0.99  # a few may have found no slot
    for i in np.flatnonzero(found):
        expected = rows[i] if i in held else []
        assert [number for number in table.ids[slots[i]].tolist() if number] == expected
    assert set(np.flatnonzero(found)) - set(held) == {chunks.index(b"")}


def test_no_one_is_named_in_a_table() -> None:
    twice = "@ada http://a.b www.c.d RT:@ada love"
    table = plain_and_table(corpus=[f"{twice} secret", twice])[1].table
    assert table is not None
    kept = b" ".join(table.contents()[0])
    assert b"love" in kept
    for left_out in (b"@ada", b"http", b"www.", b"rt:", b"secret"):
        assert left_out not in kept


def test_what_is_not_text_is_refused_as_ever(pair: tuple[Preprocessor, Preprocessor]) -> None:
    encoder = pair[1]._many
    for texts, message in (
        (["a", 3], "expected a string, received int as text 1"),
        (["\ud800"], "text 0 holds an unpaired surrogate"),
        (pa.array(["a", None]), "expected texts without missing values"),
    ):
        with pytest.raises(InputError, match=message):
            encoder.encode(texts)


@pytest.mark.parametrize(
    ("keys", "ids"),
    [
        (np.zeros((3, 2), np.uint64), np.zeros((3, MOST_IDS), np.int32)),
        (np.zeros((4, 3), np.uint64), np.zeros((4, MOST_IDS), np.int32)),
        (np.zeros((4, 2), np.int64), np.zeros((4, MOST_IDS), np.int32)),
        (np.ones((4, 2), np.uint64), np.zeros((4, MOST_IDS), np.int32)),
        (np.zeros((4, 2), np.uint64), np.zeros((4, MOST_IDS), np.int64)),
        (np.zeros((4, 2), np.uint64), np.zeros((8, MOST_IDS), np.int32)),
        (np.zeros((4, 2), np.uint64), np.ones((4, MOST_IDS), np.int32)),
        (np.zeros((4, 2), np.uint64), np.array([[0] * MOST_IDS, [9] * MOST_IDS] * 2, np.int32)),
        (np.zeros((4, 2), np.uint64), np.array([[0] * MOST_IDS, [-1] * MOST_IDS] * 2, np.int32)),
    ],
)
def test_a_table_that_does_not_fit_is_noticed(keys: np.ndarray, ids: np.ndarray) -> None:
    sound = np.array([[0] * MOST_IDS, [8] * MOST_IDS] * 2, np.int32)
    assert ChunkTable(np.zeros((4, 2), np.uint64), sound).is_sound(9)
    assert not ChunkTable(keys, ids).is_sound(9)


def test_the_exported_model_carries_a_table_that_is_used() -> None:
    folder: Path = shared_model().folder
    preprocessor = sentiment.load(folder).preprocessor
    assert preprocessor.table is not None
    assert preprocessor.rules == RULES
    assert len(preprocessor.table.contents()[0]) > 20
    plain = dataclasses.replace(preprocessor, table=None)
    texts = ["I love this coffee :)", "@sam we dreaded our train so much!!", *NEAR, *ODD_TWEETS]
    assert rows_of(preprocessor.encode(texts)) == rows_of(plain.encode(texts))


def test_a_text_that_is_refused_is_named_by_its_place_among_all() -> None:
    model = sentiment.load(shared_model().folder)
    with pytest.raises(InputError, match="received int as text 19999"):
        model.predict_proba(["love"] * 19_999 + [3])
