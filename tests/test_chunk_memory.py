"""Single texts by the chunks they are made of: the ids of the rules, whatever has been met before."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.common.ragged import ragged
from sentiment.text import chunk_memory
from sentiment.text.chunk_memory import ChunkMemory
from sentiment.text.chunk_table import build_table
from sentiment.text.normalisation import RULES
from sentiment.text.preprocessor import Preprocessor
from sentiment.text.single_chunks import SingleChunks
from tests.model_fixture import ODD_TWEETS
from tests.test_chunk_table import NEAR, plain_and_table
from tests.test_text import PIECES, rows_of, texts_strategy


@pytest.fixture(scope="module")
def plain() -> Preprocessor:
    return plain_and_table()[0]


def rows(preprocessor: Preprocessor, texts: list[str]) -> list[list[int]]:
    """By rules over whole texts, in Arrow."""
    return rows_of(preprocessor.encode(pa.array(texts, pa.string())))


def one_by_one(preprocessor: Preprocessor, texts: list[str]) -> list[list[int]]:
    return [preprocessor.encode([text]).values.tolist() for text in texts]


@given(st.lists(texts_strategy, max_size=4))
def test_ids_are_those_of_the_rules_over_whole_texts(plain: Preprocessor, texts: list[str]) -> None:
    expected = rows(plain, texts)
    assert one_by_one(plain, texts) == expected
    assert one_by_one(plain, texts) == expected  # once all of it has been met


def test_ids_of_odd_texts_and_pairs_of_them(plain: Preprocessor) -> None:
    texts = [*ODD_TWEETS, *NEAR, *PIECES]
    texts += [f"{first} {second}" for first, second in zip(texts, reversed(texts), strict=True)]
    texts = [text for text in texts if len(text) <= 400]
    assert one_by_one(plain, texts) == rows(plain, texts)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_ids_where_a_rule_is_left_out(rule) -> None:
    preprocessor = plain_and_table([rule.name])[0]
    texts = [text for text in (*NEAR, *ODD_TWEETS[:12]) if len(text) <= 400]
    assert one_by_one(preprocessor, texts) == rows(preprocessor, texts)


def test_what_is_met_is_remembered_up_to_a_bound_and_longest_if_it_comes_again(monkeypatch) -> None:
    monkeypatch.setattr(chunk_memory, "_AT_MOST", 3)
    asked: list[bytes] = []
    memory = ChunkMemory(lambda chunks: asked.extend(chunks) or [[len(chunk)] for chunk in chunks])  # type: ignore[func-returns-value]
    long = b"x" * 65
    assert memory.rows_of([b"a bb A", b"bb " + long, b"@b " + long]) == [[1, 2, 1], [2, 65], [2, 65]]
    assert asked == [b"a", b"bb", long, b"@b"]
    assert memory.rows_of([b"a " + long, b"@b"]) == [[1, 65], [2]]  # neither is remembered
    assert asked[4:] == [long, b"@b"]
    memory.rows_of([b"c d"])  # too many: a and bb become the older half
    memory.rows_of([b"a"])  # comes again
    memory.rows_of([b"e f"])  # the older half is c, d and a now
    assert asked[6:] == [b"c", b"d", b"e", b"f"]
    assert memory.rows_of([b"a bb"]) == [[1, 2]]
    assert asked[10:] == [b"bb"]


def test_what_the_table_holds_is_found_in_it_one_by_one_too() -> None:
    chunks = [str(i * i).encode() for i in range(3000)]
    table = build_table(chunks, ragged([[i % 9 + 1] * (i % 3) for i in range(3000)]))
    asked: list[bytes] = []
    single = SingleChunks(table, True, lambda chunks: asked.extend(chunks) or [[7]] * len(chunks))  # type: ignore[func-returns-value]
    held, values = table.contents()
    del asked[:]
    rows = [[*row] for row in single.rows_of([*held, b"unheard of"])]
    assert rows == [*(table.ids[value >> 32 :][: value & 0xFF].tolist() for value in values), [7]]
    assert asked == [b"unheard of"]
