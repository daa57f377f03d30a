"""Rows of augmentation: templates turn the label or keep it, one of two joined halves decides, phrases keep theirs."""

import functools
import re

import numpy as np
import pytest

from pipelines.shared import profiles, stage
from pipelines.shared.artefacts import read_part, read_preprocessor
from pipelines.shared.training_files import add_augmentation
from sentiment.augment.clear_words import Poles, polarity
from sentiment.augment.general_english import LINKED, TURNED, known_templates, phrases, rated_words, words_of
from sentiment.augment.rows import augmented, rated_signs
from sentiment.data.encoded import EncodedPart
from sentiment.errors import SettingsError
from sentiment.evaluation.sentence_tests import CONFIRM, read_pairs, read_tries
from sentiment.text.lexicon import Lexicon
from sentiment.text.normalisation import RULES
from sentiment.text.preprocessor import Preprocessor
from sentiment.training.batches import class_weights, row_weights
from tests.model_fixture import BAD, Trained
from tests.model_fixture import trained as trained

WORDS = (
    *("<pad>", "<unk>", "is", "i", "not", "but", "good", "bad", "film", "never", "so"),
    *("do", "like", "hate", "maybe", "no", "more", "less", "could", "wish", "used", "any"),
)
ID = {word: i for i, word in enumerate(WORDS)}
DROPPED = dict.fromkeys(("to", "be", "a", "the"), 0)
LEXICON = Lexicon({"n't": ID["not"], **ID, **DROPPED}, WORDS)
TURNING = {"not", "never", "no", "less", "used", "wish"}
POLES = Poles(0, 2)
MAX_TOKENS = 10


def treatment(lexicon: Lexicon = LEXICON) -> Preprocessor:
    return Preprocessor(RULES, lexicon, MAX_TOKENS)


def part_of(tweets: list[tuple[int, str]]) -> EncodedPart:
    ids = np.zeros((len(tweets), MAX_TOKENS), np.uint8)
    for row, (_, text) in zip(ids, tweets, strict=True):
        words = [ID[word] for word in text.split()]
        row[: len(words)] = words
    return EncodedPart(ids, np.array([label for label, _ in tweets]))


TWEETS = [
    *[(0, "film is so bad"), (0, "bad film <unk>"), (0, "i hate film")] * 60,
    *[(2, "film is so good"), (2, "good film <unk>"), (2, "i like film")] * 60,
    *[(0, "film is not good"), (1, "maybe"), (2, "maybe bad film maybe good"), (0, "film"), (2, "film")] * 60,
]
ROWS = part_of(TWEETS)


@pytest.fixture(autouse=True)
def fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates are filled with enough words by far fewer rows than a lexicon of thousands needs."""
    monkeypatch.setattr("sentiment.augment.rows._CONTRAST_ROWS", 2000)


@functools.cache
def made(share: float = 1.0, seed: int = 5) -> tuple[EncodedPart, list[tuple[str, int]]]:
    """The part with its new rows, and the new rows as text."""
    rows = part_of(TWEETS)
    more = augmented(rows, treatment(), POLES, share, 0.0, seed)
    assert (more.ids[: len(TWEETS)] == rows.ids).all()
    new = zip(more.ids[len(TWEETS) :], more.labels[len(TWEETS) :], strict=True)
    return more, [(" ".join(WORDS[i] for i in ids if i), int(label)) for ids, label in new]


def test_clear_words_judge_by_degrees_or_by_what_they_are_said_of() -> None:
    before = [np.array([ID[word]]) for word in ("so", "is", "i")]
    nothing = np.zeros(len(WORDS), np.int8)
    found = polarity(ROWS, POLES, WORDS, np.array([ID["not"]]), before, np.array([ID["so"]]), nothing)
    signs = dict(zip(WORDS, found.clear.tolist(), strict=True))
    assert {word for word, sign in signs.items() if sign} == {"good", "bad", "like", "hate"}
    assert (signs["good"], signs["bad"], signs["like"], signs["hate"]) == (1, -1, 1, -1)
    leaning = {word for word, sign in zip(WORDS, found.leaning, strict=True) if sign}
    assert leaning == {"good", "bad", "like", "hate", "maybe"}  # "maybe" tells the classes apart, and judges nothing
    assert {word for word, verb in zip(WORDS, found.verbs, strict=True) if verb} == {"like", "hate"}


def test_templates_turn_the_label_or_leave_it_and_of_two_halves_one_counts() -> None:
    _, new = made()
    kinds = {"turned": 0, "joined": 0, "kept": 0, "unsurpassed": 0}
    for text, label in new:
        words = text.split()
        clear = {"good", "like", "bad", "hate"} & {*words}
        # Left out: "isn't it good", which is a question, and "it could be better".
        if not clear or "no more" in text or re.search("is not film|^is not|could (?!not)", text):
            continue
        last = words[words.index("but") + 1 :] if "but" in words else words
        positive = bool({"good", "like"} & {*last})
        unsurpassed = re.search(r"(never|could not|no|could not any) more|could not (like|hate).* more", text)
        turned = not unsurpassed and bool(TURNING & {*words})
        kinds["joined" if "but" in words else "unsurpassed" if unsurpassed else "turned" if turned else "kept"] += 1
        assert label == (2 if positive != turned else 0), text
    assert min(kinds.values()) > 10, kinds
    assert kinds["turned"] > kinds["joined"]


def test_labels_are_level_and_words_that_judge_nothing_say_nothing() -> None:
    _, new = made(share=4.0)
    labels = [label for _, label in new]
    assert abs(labels.count(0) - labels.count(2)) < 0.1 * len(labels)
    unclear = [label for text, label in new if text == "film"]
    assert len(unclear) > 20
    assert abs(unclear.count(0) - unclear.count(2)) < 0.4 * len(unclear)


def test_a_template_stands_where_english_has_it() -> None:
    texts = {text for text, _ in made(share=4.0)[1]}
    assert "film is not so good" in texts
    assert "film is never so bad" in texts
    assert "i do not like film" in texts
    assert not [text for text in texts if "is so not" in text or text.startswith("not i")]


def test_a_template_is_not_used_without_its_words() -> None:
    kept, without, dropped = (
        known_templates(Lexicon(ids, WORDS))[TURNED, LINKED]
        for ids in (
            LEXICON.ids,
            {word: i for word, i in LEXICON.ids.items() if word != "less"},
            {**LEXICON.ids, "less": 0},
        )
    )
    assert ("L", "K", ID["less"], "C", "R") in kept
    assert not [template for template in (*without, *dropped) if ID["less"] in template]
    assert ("L", "K", "C", "R") not in dropped
    assert {*words_of(known_templates(LEXICON)).tolist()} >= {ID["not"], ID["no"]}


def test_what_is_wished_for_is_not_there() -> None:
    wished = [label for text, label in made(share=4.0)[1] if "wish" in text and {"good", "like"} & {*text.split()}]
    assert set(wished) == {0}


def test_phrases_and_rated_words_keep_their_label_and_weigh_what_is_asked() -> None:
    words = (*WORDS, "worth", "it", "again", "awesome")
    lexicon = Lexicon({**LEXICON.ids, **{word: i for i, word in enumerate(words) if word not in ID}}, words)
    more = augmented(ROWS, treatment(lexicon), POLES, 0.0, 0.2, 5)
    new = zip(more.ids[len(TWEETS) :], more.labels[len(TWEETS) :], strict=True)
    said = [([words[i] for i in ids if i], int(label)) for ids, label in new]
    assert {label for text, label in said if text[:2] == ["worth", "it"]} == {2}
    assert {label for text, label in said if text[:2] == ["never", "again"]} == {0}
    assert {label for text, label in said if text[0] == "awesome"} == {2}
    assert more.weights is not None
    assert more.weights[len(TWEETS) :].sum() == pytest.approx(0.2 * len(TWEETS), rel=1e-3)


def test_the_phrases_are_many_and_have_one_label_each() -> None:
    listed = phrases()
    assert len(listed) > 400
    labels = dict(listed)
    assert all(labels[text] == sign for text, sign in listed)
    assert labels["9/10"] == labels["five out of five"] == labels["4 stars"] == 1
    assert labels["2 out of 10"] == labels["0/5"] == labels["zero stars"] == -1
    assert 0.4 < np.mean([sign > 0 for _, sign in listed]) < 0.6


def test_no_phrase_is_a_text_that_models_are_tried_on() -> None:
    tried = {each.text.lower() for each in read_tries() if each.half == CONFIRM and each.kind != "rating"}
    assert not [text for text, _ in phrases() if text.lower() in tried]
    pairs = {text.lower() for pair in read_pairs() for text in (pair.positive, pair.negative)}
    assert len([text for text, _ in phrases() if text.lower() in pairs]) < 15


def test_words_rated_by_people_get_their_sign() -> None:
    signs = dict(zip(WORDS, rated_signs(rated_words(), LEXICON).tolist(), strict=True))
    assert (signs["good"], signs["bad"], signs["film"]) == (1, -1, 0)


def test_a_comparative_is_taken_where_the_lexicon_tells_it_apart() -> None:
    better = (*WORDS, "better")
    told_apart = Lexicon({**LEXICON.ids, "better": len(WORDS)}, better)
    more = augmented(ROWS, treatment(told_apart), POLES, 4.0, 0.0, 5)
    new = [row.tolist() for row in more.ids[len(TWEETS) :]]
    assert [ID["never"], len(WORDS)] in [row[:2] for row in new]
    assert [ID["never"], ID["more"], ID["good"]] not in [row[:3] for row in new]
    same_lemma = Lexicon({**LEXICON.ids, "better": ID["good"]}, WORDS)
    alike, without = (augmented(ROWS, treatment(lexicon), POLES, 1.0, 0.0, 5).ids for lexicon in (same_lemma, LEXICON))
    assert (alike == without).all()


def test_rows_of_other_classes_and_of_mixed_words_are_never_taken() -> None:
    assert not [text for text, label in made()[1] if "maybe" in text or label == 1]


def test_padding_weights_and_choice() -> None:
    post, texts = made()
    assert (post.ids[:, 0] > 0).all()
    assert made.__wrapped__()[1] == texts != made(seed=6)[1]
    weights = np.full(len(TWEETS), 0.5, np.float32)
    weighed = augmented(ROWS._replace(weights=weights), treatment(), POLES, 0.1, 0.0, 5).weights
    assert weighed is not None
    assert set(weighed[: len(TWEETS)]) == {0.5}
    assert len(set(weighed[len(TWEETS) :])) == 1
    assert weighed[len(TWEETS) :].sum() == pytest.approx(0.1 * len(TWEETS), rel=0.02)


def test_without_clear_words_nothing_is_made() -> None:
    unclear = part_of([(0, "film is so"), (2, "film is so")] * 50)
    assert augmented(unclear, treatment(), POLES, 1.0, 0.0, 5) is unclear


def test_classes_must_have_a_negative_and_a_positive_one() -> None:
    settings = profiles.make_settings({}, ["training.contrast=0.5"])
    this = stage.Stage(None, settings, None, {})  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"expected a negative and a positive class, received joy, anger: say with"):
        add_augmentation(this, ROWS, ["joy", "anger"])


def test_the_stage_makes_them_by_the_words_of_its_lexicon(trained: Trained) -> None:
    settings = profiles.make_settings({}, ["training.contrast=0.5"])
    places = stage.Places(trained.root, "tiny")
    few, words = read_part(places.processed, "train"), read_preprocessor(places.processed).lexicon.vocabulary
    # So that words are frequent enough to be clear.
    part = EncodedPart(np.tile(few.ids, (3, 1)), np.tile(few.labels, 3))
    more = add_augmentation(stage.Stage(None, settings, places, {}), part, ["negative", "positive"])  # type: ignore[arg-type]
    new = zip(more.ids[len(part.labels) :], more.labels[len(part.labels) :], strict=True)
    texts = [([words[i] for i in ids if i], label) for ids, label in new]
    assert len(texts) > 0.3 * len(part.labels)
    hated = [label for text, label in texts if re.search(f"not ({'|'.join(BAD)})", " ".join(text))]
    assert len(hated) > 5
    assert np.mean(hated) > 0.8  # "isn't it hateful" leaves the label


def test_class_weights_are_those_of_the_own_rows_and_multiply_only_their_weights() -> None:
    options = profiles.make_settings({}, []).training
    few = part_of([(0, "film is bad"), (2, "film is good"), (2, "film is so good"), (2, "i like film")] * 60)
    more = augmented(few, treatment(), POLES, 1.0, 0.0, 5)
    assert len(more.labels) > len(few.labels) == more.own
    by_class = class_weights(more, 3, options)
    np.testing.assert_array_equal(by_class, class_weights(few, 3, options))
    assert by_class[0] > by_class[2]
    own, further = np.split(row_weights(more, by_class), [more.own])
    np.testing.assert_array_equal(own, by_class[few.labels])
    np.testing.assert_array_equal(further, more.weights[more.own :])
