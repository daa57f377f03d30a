"""Contrastive rows: what is negated gets the other label, what follows "but" counts, and the rest stays as it is."""

import re

import numpy as np
import pytest

from pipelines.shared import stage
from pipelines.shared.artefacts import read_part, read_preprocessor
from pipelines.shared.training_rows import add_contrasts
from sentiment.data.encoded import EncodedPart
from sentiment.errors import SettingsError
from sentiment.text.lexicon import Lexicon
from sentiment.training.contrast import Poles, clear_words, with_contrasts
from tests.model_fixture import BAD, Trained
from tests.model_fixture import trained as trained

WORDS = (
    *("<pad>", "<unk>", "is", "i", "not", "but", "good", "bad", "film", "never", "so"),
    *("do", "like", "hate", "maybe", "no", "more", "less", "could"),
)
ID = {word: i for i, word in enumerate(WORDS)}
LEXICON = Lexicon({"n't": ID["not"], **ID}, WORDS)
NEGATIONS = {"not", "never", "no"}
POLES = Poles(0, 2)
MAX_TOKENS = 10


def part_of(tweets: list[tuple[int, str]], padding: str = "post") -> EncodedPart:
    ids = np.zeros((len(tweets), MAX_TOKENS), np.uint8)
    for row, (_, text) in zip(ids, tweets, strict=True):
        words = [ID[word] for word in text.split()]
        row[slice(len(words)) if padding == "post" else slice(-len(words), None)] = words
    return EncodedPart(ids, np.array([label for label, _ in tweets]))


TWEETS = [
    *[(0, "film is so bad"), (0, "bad film <unk>"), (0, "i hate film")] * 60,
    *[(2, "film is so good"), (2, "good film <unk>"), (2, "i like film")] * 60,
    *[(0, "film is not good"), (1, "maybe"), (2, "maybe bad film maybe good")] * 60,
]
ROWS = part_of(TWEETS)


def made(padding: str = "post", share: float = 1.0, seed: int = 5) -> tuple[EncodedPart, list[tuple[str, int]]]:
    """The part with its new rows, and the new rows as text."""
    rows = part_of(TWEETS, padding)
    more = with_contrasts(rows, LEXICON, POLES, share, seed, padding)
    assert (more.ids[: len(TWEETS)] == rows.ids).all()
    new = zip(more.ids[len(TWEETS) :], more.labels[len(TWEETS) :], strict=True)
    return more, [(" ".join(WORDS[i] for i in ids if i), int(label)) for ids, label in new]


def test_clear_words_are_learnt_from_rows_without_a_negation() -> None:
    negators = np.array([ID[word] for word in NEGATIONS])
    signs = clear_words(ROWS, POLES, WORDS, negators)
    assert {word for word, sign in zip(WORDS, signs, strict=True) if sign > 0} == {"good", "like", "maybe"}
    assert {word for word, sign in zip(WORDS, signs, strict=True) if sign < 0} == {"bad", "hate"}


def test_a_negation_turns_the_label_and_but_gives_it_to_what_follows() -> None:
    _, new = made()
    kinds = {"negated": 0, "joined": 0, "kept": 0, "not more": 0, "not less": 0}
    for text, label in new:
        last = text.rpartition(" but ")[2].split()
        positive = bool({"good", "like"} & set(last))
        negated = NEGATIONS & set(last) or last[0] == "less"  # "less bad" is another way to negate
        kind = "joined" if " but " in text else "negated" if negated else "kept"
        if unsurpassed := re.search("film (?:could not|never|not) (more|less)", text):
            kind = f"not {unsurpassed[1]}"
        kinds[kind] += 1
        assert label == (0 if positive == (kind in ("negated", "not less")) else 2), text
    assert min(kinds.values()) > 10, kinds
    assert kinds["negated"] > kinds["kept"] > kinds["joined"]
    assert abs(kinds["not more"] - kinds["not less"]) <= 2  # one of each, and each label may end in the middle
    labels = [label for _, label in new]
    assert abs(labels.count(0) - labels.count(2)) < 10


def test_a_negation_stands_where_english_has_it() -> None:
    texts = {text for text, _ in made()[1] if "but" not in text}
    assert "film is not so good" in texts
    assert "film is never so bad" in texts
    assert "i do not like film" in texts
    assert not [text for text in texts if "is so not" in text or text.startswith("not i")]


def test_a_comparative_is_taken_where_the_lexicon_tells_it_apart() -> None:
    better = (*WORDS, "better")
    told_apart = Lexicon({**LEXICON.ids, "better": len(WORDS)}, better)
    more = with_contrasts(ROWS, told_apart, POLES, 1.0, 5)
    new = zip(more.ids[len(TWEETS) :], more.labels[len(TWEETS) :], strict=True)
    labels = {int(label) for ids, label in new if len(WORDS) in ids and ID["not"] in ids and ID["but"] not in ids}
    assert labels == {2}
    same_lemma = Lexicon({**LEXICON.ids, "better": ID["good"]}, WORDS)
    alike, without = (with_contrasts(ROWS, lexicon, POLES, 1.0, 5).ids for lexicon in (same_lemma, LEXICON))
    assert (alike == without).all()


def test_rows_of_other_classes_and_of_mixed_words_are_never_taken() -> None:
    assert not [text for text, label in made()[1] if "maybe" in text or label == 1]


def test_padding_weights_and_choice() -> None:
    post, texts = made()
    pre, _ = made("pre")
    assert (pre.ids[:, -1] > 0).all()
    assert (post.ids[:, 0] > 0).all()
    assert made()[1] == texts != made(seed=6)[1]
    assert 0.05 < (len(made(share=0.1)[1])) / len(TWEETS) < 0.11
    assert post.weights is None
    weights = np.full(len(TWEETS), 0.5, np.float32)
    weighed = with_contrasts(ROWS._replace(weights=weights), LEXICON, POLES, 0.1, 5).weights
    assert weighed is not None
    assert set(weighed[: len(TWEETS)]) == {0.5}
    assert set(weighed[len(TWEETS) :]) == {1.0}


def test_without_clear_words_nothing_is_made() -> None:
    unclear = part_of([(0, "film is so"), (2, "film is so")] * 50)
    assert with_contrasts(unclear, LEXICON, POLES, 1.0, 5) is unclear


def test_classes_must_have_a_negative_and_a_positive_one() -> None:
    settings = stage.make_settings({}, ["training.contrast=0.5"])
    this = stage.Stage(None, settings, None, {})  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"expected a negative and a positive class, received joy, anger: say with"):
        add_contrasts(this, ROWS, ["joy", "anger"])


def test_the_stage_makes_them_by_the_words_of_its_lexicon(trained: Trained) -> None:
    settings = stage.make_settings({}, ["training.contrast=0.5"])
    places = stage.Places(trained.root, "tiny")
    few, words = read_part(places.processed, "train"), read_preprocessor(places.processed).lexicon.vocabulary
    part = EncodedPart(
        np.tile(few.ids, (3, 1)), np.tile(few.labels, 3)
    )  # so that words are frequent enough to be clear
    more = add_contrasts(stage.Stage(None, settings, places, {}), part, ["negative", "positive"])  # type: ignore[arg-type]
    new = zip(more.ids[len(part.labels) :], more.labels[len(part.labels) :], strict=True)
    texts = [([words[i] for i in ids if i], label) for ids, label in new]
    assert len(texts) > 0.3 * len(part.labels)
    hated = [label for text, label in texts if {"not", "n't", "never"} & {*text} and {*BAD} & {*text}]
    assert hated
    assert set(hated) == {1}
