"""The minimal pairs, and how they are scored."""

from collections import Counter

import pytest

from sentiment.evaluation.sentence_tests import NEGATIVE, POSITIVE, Pair, read_pairs, score_pairs

PAIRS = [Pair("a", "good", "bad"), Pair("a", "fine", "not fine"), Pair("b", "yes", "no")]


def test_a_pair_passes_if_both_its_tweets_get_their_label() -> None:
    positive = ("good", "fine", "not fine")
    score = score_pairs(PAIRS, lambda texts: [POSITIVE if text in positive else NEGATIVE for text in texts])
    assert score["pairs"] == 3
    assert score["passed"] == pytest.approx(1 / 3)
    assert score["kinds"] == {"a": 0.5, "b": 0.0}
    assert score["failed"] == [
        {"kind": "a", "positive": ["fine", "positive"], "negative": ["not fine", "positive"]},
        {"kind": "b", "positive": ["yes", "negative"], "negative": ["no", "negative"]},
    ]
    low, high = score["passed_ci95"]
    assert 0 <= low < 1 / 3 < high <= 1


@pytest.mark.parametrize("answer", [POSITIVE, NEGATIVE, "neutral"])
def test_one_answer_to_everything_passes_nothing(answer: str) -> None:
    assert score_pairs(read_pairs(), lambda texts: [answer] * len(texts))["passed"] == 0


def test_the_pairs_that_ship_are_pairs() -> None:
    pairs = read_pairs()
    texts = [text for pair in pairs for text in (pair.positive, pair.negative)]
    assert len(pairs) == 200
    assert min(Counter(pair.kind for pair in pairs).values()) >= 2
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and text for text in texts)
    assert all(pair.kind for pair in pairs)
