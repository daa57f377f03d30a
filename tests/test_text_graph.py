"""The text treatment in the graph: the ids of the rules, with a table, with an empty one and without."""

import dataclasses
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.common.ragged import ragged
from sentiment.export.text_graph import GraphPreprocessor
from sentiment.text.chunk_table import build_table
from sentiment.text.preprocessor import Preprocessor
from tests.model_fixture import ODD_TWEETS
from tests.test_chunk_table import CORPUS, NEAR, plain_and_table
from tests.test_text import PIECES, rows_of, texts_strategy


@pytest.fixture(scope="module", params=["table", "empty table", "no table"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Preprocessor, tf.Module]:
    folder: Path = tmp_path_factory.mktemp("graph")
    plain, with_table = plain_and_table(corpus=CORPUS)
    if request.param == "empty table":
        with_table = dataclasses.replace(with_table, table=build_table([], ragged([])))
    (folder / "lexicon.tsv").write_text(plain.lexicon.to_tsv(), encoding="utf-8")
    if request.param == "no table":
        with_table = dataclasses.replace(with_table, table=None)
    graph = GraphPreprocessor(with_table, folder)
    return plain, tf.function(graph.__call__, input_signature=[tf.TensorSpec([None], tf.string)])


def assert_equal(pair: tuple[Preprocessor, tf.Module], texts: list[str]) -> None:
    plain, graph = pair
    received = graph(tf.constant(texts, tf.string))
    assert received.to_list() == rows_of(plain.encode(texts))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_texts(pair: tuple[Preprocessor, tf.Module], count: int) -> None:
    assert_equal(pair, ["love it", "", "qq @ada love"][:count])


def test_pieces_odd_tweets_and_near_misses(pair: tuple[Preprocessor, tf.Module]) -> None:
    assert_equal(pair, [*ODD_TWEETS, *NEAR, *PIECES, *(f"{a} {b}" for a in NEAR for b in NEAR)])


@settings(max_examples=25)
@given(st.lists(texts_strategy, max_size=6))
def test_any_text(pair: tuple[Preprocessor, tf.Module], texts: list[str]) -> None:
    assert_equal(pair, texts)


def test_bytes_that_are_not_utf_8_are_mended_wherever_they_stand(pair: tuple[Preprocessor, tf.Module]) -> None:
    plain, graph = pair
    texts = [b"love\xff it", b"caf\xe9 love", b"\xe2\x82 love it \xe2", b"\xc3 \x80love", b"\xed\xa0\x80 the love"]
    received = graph(tf.constant(texts, tf.string))
    assert received.to_list() == rows_of(plain.encode([text.decode(errors="replace") for text in texts]))
