"""Explanations of a network small enough to work out by hand, and the slices of a test set."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sentiment.common.messages import without_controls
from sentiment.errors import InputError
from sentiment.evaluation.metrics import wilson_interval
from sentiment.evaluation.slices import find_slices, slice_metrics, unknown_shares
from sentiment.network.cells import Direction
from sentiment.network.folded import FoldedNetwork
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.explanation import CUT, KEPT, STOP_WORD, UNKNOWN_WORD, UNSEEN, render
from sentiment.text.lexicon import Lexicon
from sentiment.text.normalisation import RULES
from sentiment.text.preprocessor import Preprocessor

VOCABULARY = ("<pad>", "<unk>", "good", "bad", "film")
IDS = {"good": 2, "goods": 2, "bad": 3, "film": 4, "the": 0}
INPUTS = {0: 0.0, 1: 0.1, 2: 0.8, 3: -0.6, 4: 0.0}
SLOPE = 2.0


@pytest.fixture
def tiny():
    """One unit, mean over h_t = tanh(x_t) (no recurrence), log-odds of "positive" = 2 * slope * mean."""
    table = np.arctanh(np.array([[[INPUTS[i]] for i in range(5)]], np.float32))  # (directions, vocabulary, units)
    network = FoldedNetwork(
        table,
        (Direction(np.zeros((1, 1), np.float32)),),
        np.array([[-SLOPE, SLOPE]], np.float32),
        np.zeros(2, np.float32),
        "simple_rnn",
        "mean",
    )
    preprocessor = Preprocessor(RULES, Lexicon(IDS, VOCABULARY), max_tokens=4)
    return SentimentClassifier(preprocessor, network, ["negative", "positive"])


def test_words_not_seen_in_training_are_told_apart(tiny):
    preprocessor = Preprocessor(RULES, Lexicon(IDS, VOCABULARY), max_tokens=4, seen=3)
    told = SentimentClassifier(preprocessor, tiny.network, ["negative", "positive"]).explain("goods bad xyzzy")
    assert [view.state for view in told.tokens] == [KEPT, UNSEEN, UNKNOWN_WORD]
    assert [view.contribution is None for view in told.tokens] == [False] * 3
    assert [line.split("  ")[-1].strip() for line in render(told).splitlines()[1:]] == [
        "as good", "not seen in training", "unknown word",
    ]  # fmt: skip


def log_odds(*ids):
    """Of "positive", by hand."""
    return 2 * SLOPE * sum(INPUTS[i] for i in ids) / len(ids)


def test_contributions_are_the_change_of_the_log_odds(tiny):
    explanation = tiny.explain("good bad film")
    assert explanation.label == "positive"
    assert explanation.log_odds == pytest.approx(log_odds(2, 3, 4), abs=1e-5)
    assert explanation.probability == pytest.approx(1 / (1 + math.exp(-log_odds(2, 3, 4))), abs=1e-6)
    expected = [log_odds(2, 3, 4) - without for without in (log_odds(3, 4), log_odds(2, 4), log_odds(2, 3))]
    assert [view.contribution for view in explanation.tokens] == pytest.approx(expected, abs=1e-5)
    assert [view.contribution > 0 for view in explanation.tokens] == [True, False, False]


def test_contributions_are_of_the_predicted_class(tiny):
    explanation = tiny.explain("bad bad good")
    assert explanation.label == "negative"
    assert explanation.log_odds == pytest.approx(-log_odds(3, 3, 2), abs=1e-5)
    assert [view.contribution > 0 for view in explanation.tokens] == [True, True, False]


def test_every_token_has_its_state_in_order(tiny):
    explanation = tiny.explain("The GOODS xyzzy bad film film good")
    assert [view.token for view in explanation.tokens] == ["the", "goods", "xyzzy", "bad", "film", "film", "good"]
    states = [STOP_WORD, KEPT, UNKNOWN_WORD, KEPT, KEPT, CUT, CUT]
    assert [view.state for view in explanation.tokens] == states
    assert [view.lemma for view in explanation.tokens] == ["", "good", "<unk>", "bad", "film", "film", "good"]
    assert [view.contribution is None for view in explanation.tokens] == [s in (STOP_WORD, CUT) for s in states]
    assert explanation.log_odds == pytest.approx(log_odds(2, 1, 3, 4), abs=1e-5)


def test_removing_the_only_token_leaves_one_unknown(tiny):
    (view,) = tiny.explain("good").tokens
    assert view.contribution == pytest.approx(log_odds(2) - log_odds(1), abs=1e-5)


@pytest.mark.parametrize("text", ["", " \n", "the the"])
def test_a_tweet_without_tokens_is_one_unknown(tiny, text):
    explanation = tiny.explain(text)
    assert explanation.log_odds == pytest.approx(log_odds(1), abs=1e-5)
    assert all(view.contribution is None for view in explanation.tokens)
    assert "no token is left" in render(explanation)


def test_contributions_are_finite_where_the_probability_is_one(tiny):
    sure = replace(tiny.network, output_kernel=np.array([[-500.0, 500.0]], np.float32))
    explanation = SentimentClassifier(tiny.preprocessor, sure, tiny.classes_).explain("good good film")
    assert explanation.probability == 1.0
    assert all(math.isfinite(view.contribution) for view in explanation.tokens)


def test_not_a_string_is_refused(tiny):
    with pytest.raises(InputError, match="expected a string"):
        tiny.explain(3)


def test_plain_rendering_has_a_signed_number_a_token(tiny):
    lines = render(tiny.explain("the goods xyzzy bad film film")).split("\n")
    assert lines[0].startswith("positive ")
    assert "dropped: stop word" in lines[1]
    assert re.search(r"goods .*\+\d\.\d\d  \++ +as good$", lines[2])
    assert lines[3].endswith("unknown word")
    assert re.search(r"bad .*-\d\.\d\d  -+$", lines[4])
    assert "cut off" in lines[6]
    assert "\x1b" not in "".join(lines)


def test_colours_are_added_only_when_asked_for(tiny):
    explanation = tiny.explain("good bad")
    coloured = render(explanation, colour=True)
    assert "\x1b[32m" in coloured
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render(explanation)


def test_a_tweet_cannot_drive_the_terminal(tiny):
    hostile = "good\x1b[2J \x9b31m \u202eevil \u2066x \x07 bad\r\ud83d".removesuffix("\ud83d")
    shown = render(tiny.explain(hostile))
    assert not set(shown) & set("\x1b\x9b\u202e\u2066\x07\r")
    assert without_controls("a\x00b\x1b[1mc\nd\u202ee\u2028f\U000e0041") == "ab[1mc def"
    assert without_controls("👩\u200d🚀") == "👩\u200d🚀"


def test_columns_line_up_for_wide_and_long_tokens(tiny):
    lines = render(tiny.explain("漢字漢字 " + "abc" * 20)).split("\n")[1:]
    assert "…" in lines[1]
    assert lines[1].index("+0") - lines[0].index("+0") == 4  # four wide characters fill eight columns


SLICED = {
    "negation": ["I can't", "do NOT", "dont go"],
    "emoticon or emoji": ["ok :)", "ok 😀", "i <3 u", ":-( no"],
    "hashtag": ["#tag", "a #b"],
    "word in capitals": ["I am SO NOT well"],
    "elongated word": ["soooo"],
    "question": ["why?"],
    "mention": ["@me"],
    "link": ["see http://t.co/x", "a.b.com"],
}


@pytest.mark.parametrize("name", SLICED)
def test_slices_find_what_they_are_named_after(name, tiny):
    assert find_slices(SLICED[name], tiny.preprocessor)[name].all()
    others = ["I want plants, front and knot at 12:30", "an a@b mail (so) OK book"]
    assert not find_slices(others, tiny.preprocessor)[name].any()


def test_lengths_cover_every_tweet_once(tiny):
    texts = ["", " ".join("a" * 7), " ".join("a" * 8), " ".join("a" * 16), " ".join("a" * 17)]
    slices = find_slices(texts, tiny.preprocessor)
    lengths = np.stack([mask for name, mask in slices.items() if name.split()[0] in ("short", "medium", "long")])
    assert lengths.argmax(axis=0).tolist() == [0, 0, 1, 1, 2]
    assert (lengths.sum(axis=0) == 1).all()


def test_unknown_share_counts_what_is_left_after_stop_words(tiny):
    assert unknown_shares(["the good xyzzy", "the", "", "good"], tiny.preprocessor).tolist() == [0.5, 0, 0, 0]
    assert find_slices(["xyzzy", "good"], tiny.preprocessor)["unknown words ≥ 20%"].tolist() == [True, False]


def test_slices_that_are_not_empty_have_wilsons_interval():
    masks = {"none": np.zeros(4, bool), "half": np.arange(4) >= 2}
    whole, half = slice_metrics(np.array([True, True, False, True]), masks)
    assert (whole.name, whole.n, whole.share) == ("all tweets", 4, 0.75)
    assert (half.name, half.n, half.share) == ("half", 2, 0.5)
    assert half[3:] == wilson_interval(1, 2)
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 5)[0] == 0
    assert wilson_interval(5, 5)[1] == 1
