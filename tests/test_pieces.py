"""Cutting chunks: what the pieces come to is what the rules say of the whole, and few pieces meet the rules."""

import dataclasses
import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.common.ragged import ragged
from sentiment.text.chunk_table import LONGEST, Chunks, build_table
from sentiment.text.mapped_lexicon import map_lexicon
from sentiment.text.pieces import cut
from sentiment.text.preprocessor import Preprocessor
from tests.test_chunk_table import plain_and_table
from tests.test_text import rows_of

# Words that a rule knows or shortens, pieces of links, and every ASCII mark beside some that are none.
PARTS = (
    *("love", "the", "xd", "cant", "wont", "aaa", "loooove", "www", "http", "com", "comb", "tv", "q", "d", "o", "xxd"),
    *map(chr, (*range(0x21, 0x30), *range(0x3A, 0x41), *range(0x5B, 0x61), *range(0x7B, 0x7F))),
    *("..", "!!", "&quot;", "'s", "3", "é", "’"),
)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Preprocessor, Preprocessor]]:
    """With a table of words, and with an empty one beside a lexicon that is searched where it lies."""
    plain, table = plain_and_table(corpus=[""])
    lexicon = map_lexicon(plain.lexicon.to_tsv().encode(), "".join(f"{word}\n" for word in plain.lexicon.vocabulary))
    assert lexicon is not None
    empty = dataclasses.replace(plain, lexicon=lexicon, table=build_table([], ragged([])))
    return [(plain, table), (plain, empty)]


def assert_equal(pairs: list[tuple[Preprocessor, Preprocessor]], texts: list[str]) -> None:
    expected = rows_of(pairs[0][0].encode(pa.array(texts, pa.string())))
    for _, with_table in pairs:
        assert with_table._by_table is not None
        assert rows_of(with_table.shorten(with_table._by_table.encode(texts))) == expected


@pytest.mark.parametrize("count", [1, 2])
def test_every_pair_of_parts(pairs: list[tuple[Preprocessor, Preprocessor]], count: int) -> None:
    assert_equal(pairs, ["".join(parts) for parts in itertools.product(PARTS, repeat=count)])


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=7).map("".join), min_size=1, max_size=30))
def test_any_parts(pairs: list[tuple[Preprocessor, Preprocessor]], texts: list[str]) -> None:
    assert_equal(pairs, texts)


@pytest.mark.parametrize(
    ("chunk", "pieces", "words"),
    [
        ("manchester!!!", ["manchester", "!"], [True, False]),
        ("video...here", ["video", "here"], [True, True]),
        ('(("what?!?"))', ["what", "?", "!", "?"], [True, False, False, False]),
        ("...", [], []),
        ("sooo,cant/xd", ["sooo", "cant", "xd"], [False, False, False]),
        ("a" + "bc" * 9, ["a" + "bc" * 9], [True]),
        *((whole, [whole], [False]) for whole in ("(www.b", "a-.-b", "it's", "a:b", "b4", "(o:", "é,a", "a_b")),
    ],
)
def test_pieces(chunk: str, pieces: list[str], words: list[bool]) -> None:
    encoded = [chunk.encode(), b"other,", chunk.encode()]
    text = b" ".join(encoded) + b" " + bytes(LONGEST + 1)
    lengths = np.array([len(each) for each in encoded])
    starts = np.cumsum(lengths + 1) - lengths - 1
    found = cut(np.frombuffer(text, np.uint8), Chunks(starts, lengths))
    ends = found.chunks.starts + found.chunks.lengths
    received = [text[start:end].decode() for start, end in zip(found.chunks.starts, ends, strict=True)]
    assert received == [*pieces, "other", *pieces]
    assert found.words.tolist() == [*words, True, *words]
    assert found.ends.tolist() == [len(pieces), len(pieces) + 1, 2 * len(pieces) + 1]


def test_no_chunks() -> None:
    none = np.zeros(0, np.int64)
    found = cut(np.zeros(LONGEST + 1, np.uint8), Chunks(none, none))
    assert [len(found.chunks.starts), len(found.ends), len(found.words)] == [0, 0, 0]
