"""Starting from a trained model: what is taken over, what is new, what is refused, and how the chain is verified."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import sentiment
from pipelines import embed, evaluate, export, load, preprocess, report, train
from pipelines.shared import base_model, profiles, stage
from pipelines.shared.artefacts import read_part, read_preprocessor, read_seen
from pipelines.shared.base_model import load_network
from sentiment.common.ragged import Ragged
from sentiment.data.encoded import EncodedPart
from sentiment.embedding.matrix import carry_over
from sentiment.errors import ArtefactError, SettingsError
from sentiment.network.keras_network import CLASSES, GLOVE, build_network
from sentiment.predict.model_files import MANIFEST, checksums, read_manifest
from sentiment.predict.verify import check_manifest
from sentiment.settings import NetworkSettings, Settings, TrainingSettings
from sentiment.text.lexicon import Lexicon, LexiconEntry, extend_lexicon
from sentiment.training.base_model import _INVERSE_PENALTY, fit_output_layer, take_over
from sentiment.training.calibration import fit_temperature, row_losses
from sentiment.training.candidates import (
    BASE_MODEL,
    NOTHING,
    Candidate,
    TrainingRows,
    add_ngram_scores,
    average,
    choose,
    is_clearly_better,
)
from sentiment.training.fitting import TrainingState
from sentiment.training.fitting import train as fit
from tests.model_fixture import SETTINGS, Trained, labelled_tweets, shared_model, write_corpus

STAGES = (load, preprocess, embed, train, export)
OWN = (*SETTINGS[:2], "training.batch_size=32", "training.epochs=2", "training.ngram_buckets=1024")


def rows() -> list[tuple[str, str]]:
    """The tiny corpus in other words, with a third class: neither liked nor disliked."""
    told = [(label, text.replace("soup", "splendid stew")) for label, text in labelled_tweets()[::2]]
    return told + [("2", text.replace("love", "notice")) for label, text in labelled_tweets() if "love" in text]


def run_all(this: Trained, parent_folder: Path, *modules: object, settings: tuple[str, ...] = OWN) -> None:
    for module in modules or STAGES:
        more = ["--corpus", str(this.corpus)] if module is load else []
        options = this.options("--from", str(parent_folder), *more, settings=settings)
        stage.main(module.run, "", getattr(module, "OPTIONS", {}), options)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Three classes from the shared model of two; no GloVe file lies anywhere near."""
    root = tmp_path_factory.mktemp("child")
    this = Trained(root)
    this.profile.write_text("")
    write_corpus(this.corpus, rows())
    parents = shared_model().folder
    log, kept = logging.getLogger("pipelines"), logging.FileHandler(root / "log.txt")
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "_AVERAGED_RUNS", 2)
        run_all(this, parents)
    log.removeHandler(kept)
    log.setLevel(before)
    return this


def test_the_log_names_each_run_and_ends_with_what_is_published(child: Trained) -> None:
    lines = (child.root / "log.txt").read_text().splitlines()
    for run in ("run 1 of 2: ", "run 2 of 2: "):
        assert [line.split(",")[0] for line in lines if line.startswith(run)] == [
            f"{run}{told}" for told in ("before the first epoch", "epoch 1", "epoch 2")
        ]
    assert [line.split(",")[0] for line in lines if line.startswith("from nothing: ")] == [
        "from nothing: epoch 1", "from nothing: epoch 2",
    ]  # fmt: skip
    (published,) = (line for line in lines if line.startswith("the model as published: "))
    part = read_part(child.processed, "validation")
    found = load_network(child.folder).predict(part.ids, verbose=0).argmax(axis=1)
    assert f" accuracy {(found == part.labels).mean():.4f};" in published


def test_words_and_vectors_are_taken_over(child: Trained) -> None:
    theirs, ours = (read_preprocessor(folder) for folder in (shared_model().folder, child.folder))
    before, after = (folder / "model.keras" for folder in (shared_model().folder, child.folder))
    old, new = (keras.models.load_model(path).get_layer(GLOVE).get_weights()[0] for path in (before, after))
    assert set(theirs.lexicon.vocabulary) < set(ours.lexicon.vocabulary)
    assert theirs.lexicon.vocabulary[: theirs.seen_ids] == ours.lexicon.vocabulary[: theirs.seen_ids]
    for i, word in enumerate(theirs.lexicon.vocabulary):
        np.testing.assert_array_equal(old[i], new[ours.lexicon.vocabulary.index(word)])
    splendid, appalling, stew = (ours.lexicon.ids[word] for word in ("splendid", "appalling", "stew"))
    assert splendid < ours.seen_ids <= appalling  # the one was seen now, the other still is not
    assert stew < ours.seen_ids
    assert np.abs(new[stew]).max() > 0  # from its contexts
    assert ours.rules == theirs.rules
    assert ours.max_tokens == theirs.max_tokens


def test_the_new_class_and_the_scores_of_n_grams_are_in_the_light_form(child: Trained) -> None:
    model, texts = sentiment.load(child.folder), ["they love the soup", "the phone"]
    assert model.classes_.tolist() == ["negative", "neutral", "positive"]
    assert model.network.ngrams is not None
    assert model.network.ngrams.shape == (1024, 3)
    without = replace(model.network, ngrams=None).probabilities(model.preprocessor.encode(texts))
    assert np.abs(without - model.predict_proba(texts)).max() > 1e-3


def test_the_manifest_and_the_card_name_the_base_model(
    child: Trained, without_fasttext: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = read_manifest(child.folder)
    theirs = read_manifest(shared_model().folder)
    assert told["base_model"]["folder"] == str(shared_model().folder)
    assert told["base_model"]["files"]["model.keras"]["sha256"] == theirs["artefacts"]["model.keras"]
    assert told["base_model"]["inputs"] == theirs["inputs"]
    assert told["settings"]["training"]["learning_rate"] == base_model.LEARNING_RATE
    assert told["ngram_scores"] > 0
    own = {"projection_dropout": 0.3}
    assert told["settings"]["network"] == theirs["settings"]["network"] | own
    monkeypatch.setattr("sentiment.report.page.draw_set", lambda *_: {})  # the card has no figures
    run_all(child, shared_model().folder, evaluate, report)
    card = (child.folder / "README.md").read_text(encoding="utf-8")
    assert f"it started from the model `{shared_model().folder}` (classes negative, positive)" in card
    assert told["base_model"]["files"]["model.json"]["sha256"] in card
    assert f"single tokens, pairs and triples, times {told['ngram_scores']:g}, are added to the network's" in card


def test_tweets_that_the_base_model_has_seen_count_as_seen(child: Trained) -> None:
    theirs, ours = (read_seen(folder) for folder in (shared_model().folder, child.folder))
    assert len(theirs)
    assert np.isin(theirs, ours).all()
    assert len(ours) > len(theirs)


def test_verify_follows_the_chain(child: Trained, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(shared_model().folder, first, symlinks=True)
    shutil.copytree(child.folder, second, symlinks=True)
    noted = json.loads((second / MANIFEST).read_text())
    for file, told in noted["base_model"]["files"].items():
        told["path"] = str(first / file)
    grand = {"files": {"model.json": {"path": str(tmp_path / "gone"), "sha256": "0"}}}
    noted["base_model"]["base_model"] = grand
    (second / MANIFEST).write_text(json.dumps(noted))
    differences, absent = check_manifest(second)
    assert not differences
    assert f"base model's base model's model.json {tmp_path}/gone is not there, so not checked" in absent
    (first / "model.keras").write_bytes(b"other")
    changed = f"base model's model.keras {first}/model.keras has changed since the model was made"
    assert check_manifest(second)[0] == [changed]


def damaged(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        shutil.copytree(shared_model().folder, folder, symlinks=True)
        change(folder)
        return folder

    return make


REFUSED = {
    "nothing there": (
        lambda folder: folder,
        "no trained model here (expected manifest.json); give FROM a model folder: there is none yet, `make evaluate`",
    ),
    "a packed model": (
        lambda folder: Path(shutil.copy(shared_model().folder / "model.json", folder.with_suffix(".zip"))),
        "is a file, and a packed model lacks its network (expected manifest.json); give FROM a model folder",
    ),
    "no network": (
        damaged(lambda f: (f / "model.keras").unlink()),
        "cannot be trained further: model.keras is missing",
    ),
    "changed words": (
        damaged(lambda f: (f / "vocabulary.txt").write_text("x\n")),
        "vocabulary.txt: is not what manifest",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_parents(
    case: str, child: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, message = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="^2$"):
        run_all(child, make(tmp_path / "parent"), preprocess)
    assert message in caplog.messages[-1]
    assert "\n" not in caplog.messages[-1]


def test_a_parent_that_is_not_there_is_answered_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model.json").touch()
    (tmp_path / "models" / "latest").symlink_to("a")
    with pytest.raises(ArtefactError, match="give FROM a model folder: there are models/a, models/b$"):
        base_model.require_base_model(Path("models/c"))


def test_a_parent_of_another_text_treatment_is_refused() -> None:
    folder = shared_model().folder
    asked = Settings(preprocessing=replace(Settings().preprocessing, lemmatise=False))
    with pytest.raises(SettingsError, match=r"made with preprocessing.lemmatise = True, and False is asked for; leave"):
        base_model.inherit(asked, {"preprocessing.lemmatise"}, folder)
    inherited = base_model.inherit(asked, set(), folder)
    assert inherited.preprocessing.lemmatise
    assert inherited.preprocessing.max_tokens == 8
    assert inherited.training.learning_rate == base_model.LEARNING_RATE
    own = replace(asked, network=NetworkSettings(output_dropout=0.1), training=TrainingSettings(learning_rate=0.5))
    kept = base_model.inherit(own, {"network.output_dropout", "training.learning_rate"}, folder)
    assert (kept.network.output_dropout, kept.network.units, kept.training.learning_rate) == (0.1, 6, 0.5)


def test_settings_named_by_profile_or_command_line() -> None:
    profile = {"training": {"epochs": 3}, "sources": {"corpus": {}}}
    assert profiles.named_settings(profile, ["network.units = 4"]) == {"training.epochs", "network.units"}


def test_an_extended_lexicon_by_hand() -> None:
    old = Lexicon({"good": 2, "goods": 2, "fine": 3, "rare": 4, "the": 0}, ("<pad>", "<unk>", "good", "fine", "rare"))
    entries = [LexiconEntry("newer", "new", 2), LexiconEntry("once", "once", 1), LexiconEntry("goodie", "good", 5)]
    counts = {"goods": 9, "rare": 1, "newer": 2, "once": 1, "goodie": 5, "the": 7}
    lexicon, seen = extend_lexicon(old, 3, counts, entries, min_count=2)
    assert lexicon.vocabulary == ("<pad>", "<unk>", "good", "new", "rare", "fine")
    assert seen == 5
    assert lexicon.ids == {"good": 2, "goods": 2, "fine": 5, "rare": 4, "the": 0, "newer": 3, "goodie": 2}


def test_carried_vectors_by_hand() -> None:
    matrix = np.array([[0, 0], [9, 9], [1, 2], [3, 4]], np.float32)
    old, new = ("<pad>", "<unk>", "a", "b"), ("<pad>", "<unk>", "a", "new", "b")
    ids = Ragged(np.array([2, 3], np.int32), np.array([2], np.int32))
    carried, found = carry_over(matrix, old, new, ids)
    assert carried.tolist() == [[0, 0], [9, 9], [1, 2], [1, 2], [3, 4]]  # the new word stands beside "a" alone
    assert found.found.tolist() == [False, False, True, False, True]


def networks(trainable: int = 0) -> tuple[keras.Model, keras.Model]:
    settings = NetworkSettings(projection=(3,), units=2, trainable_dimension=trainable)
    matrix = np.random.default_rng(2).normal(size=(7, 4)).astype(np.float32)
    return build_network(matrix[:5], settings, 2), build_network(matrix, settings, 3)


def test_weights_are_taken_over_by_layer_and_class() -> None:
    theirs, ours = networks(trainable=2)
    before = ours.get_layer(CLASSES).get_weights()[0].copy()
    assert not take_over(ours, theirs, ["positive", "mixed", "negative"], ["negative", "positive"])
    np.testing.assert_array_equal(ours.get_layer(CLASSES).get_weights()[0], before)
    for name in ("projection_0", "recurrent"):
        np.testing.assert_equal(ours.get_layer(name).get_weights(), theirs.get_layer(name).get_weights())
    rows, more = (model.get_layer("trainable_embedding").get_weights()[0] for model in (theirs, ours))
    np.testing.assert_array_equal(more, np.concatenate([rows, rows[[1, 1]]]))


def test_an_output_layer_of_the_same_classes_is_taken_over_uncalibrated() -> None:
    _, theirs = networks()
    _, ours = networks()
    assert take_over(ours, theirs, ["c", "a", "b"], ["a", "b", "c"], temperature=2.0)
    before, after = (model.get_layer(CLASSES).get_weights() for model in (theirs, ours))
    np.testing.assert_equal(after, [2 * weight[..., [2, 0, 1]] for weight in before])


@pytest.mark.parametrize("classes", [2, 3])
def test_a_fitted_output_layer_is_the_logistic_regression_on_the_states(classes: int) -> None:
    model = networks()[classes - 2]
    rng = np.random.default_rng(5)
    part = EncodedPart(rng.integers(0, 5, (40, 6), np.int32), rng.integers(0, classes, 40), rng.uniform(0.5, 1.5, 40))
    before = [weight.copy() for weight in model.get_layer("recurrent").get_weights()]
    weights = np.arange(1.0, classes + 1)
    fit_output_layer(model, part, weights)
    states = keras.Model(model.input, model.get_layer(CLASSES).input)(part.ids).numpy()
    kernel = model.get_layer(CLASSES).get_weights()[0]
    wrong = np.array(model(part.ids)) - np.eye(classes)[part.labels]
    pull = (weights[part.labels] * part.weights)[:, None] * wrong  # the loss's gradient by the logits
    share = 2 if classes == 2 else 1  # each of the two columns holds half of what is penalised
    np.testing.assert_allclose(states.T @ pull, -share * kernel / _INVERSE_PENALTY, atol=0.01)
    np.testing.assert_allclose(pull.sum(axis=0), 0, atol=0.01)
    assert np.abs(kernel).max() > 0.001
    np.testing.assert_equal(model.get_layer("recurrent").get_weights(), before)


def test_what_training_starts_from_is_kept_if_nothing_is_better() -> None:
    options = TrainingSettings(epochs=12, learning_rate=0.05, batch_size=8, class_weights="none")
    settings = Settings(network=NetworkSettings(projection=(3,), units=2), training=options)
    matrix = np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)
    model = build_network(matrix, settings.network, 2)
    ids = np.array([[2, 3], [3, 4], [4, 2]] * 8, np.int32)
    part = EncodedPart(ids, (ids[:, 0] == 2).astype(np.int64))
    wrong = part._replace(labels=1 - part.labels)
    fit(model, {"train": part, "validation": part}, settings, TrainingState(), lambda state: None)
    before = [weight.copy() for weight in model.get_weights()]
    state = TrainingState()
    fit(model, {"train": wrong, "validation": part}, settings, state, lambda state: None, keep_start=True)
    assert (state.best_epoch, len(state.history)) == (-1, 4)  # as patience allows
    assert state.best == state.start
    assert all(epoch["val_loss"] > state.start["val_loss"] for epoch in state.history)
    np.testing.assert_equal(model.get_weights(), before)


def test_the_better_of_two_starts_is_kept(child: Trained) -> None:
    told = read_manifest(child.folder)
    assert told["start_losses"].keys() == {BASE_MODEL, NOTHING}
    assert told["start"] in told["start_losses"]
    assert not list(child.folder.glob(".checkpoint*"))


def test_a_rival_must_be_clearly_better() -> None:
    rows = np.array([1.0, 2.0, 3.0, 4.0])
    assert is_clearly_better(rows - 0.1, rows)
    assert not is_clearly_better(rows + 0.1, rows)
    uneven = np.array([0.9, -0.5, 0.4, -0.4])  # 0.1 on average, with a standard error of 0.33
    assert not is_clearly_better(rows - uneven - 0.5, rows)
    assert is_clearly_better(rows - uneven - 0.6, rows)
    assert not is_clearly_better(rows[:1] - 1, rows[:1])


def test_losses_by_row_by_hand() -> None:
    probabilities = np.array([[0.8, 0.2], [0.5, 0.5]])
    weights = np.array([1.0, 3.0])
    losses = row_losses(probabilities, np.array([0, 1]), 1.0, weights)
    np.testing.assert_allclose(losses, [-np.log(0.8), 3 * np.log(2)])
    halved = row_losses(probabilities, np.array([0, 1]), 2.0, weights)  # odds of 4 become 2
    np.testing.assert_allclose(halved, [-np.log(2 / 3), 3 * np.log(2)])


def test_a_damaged_network_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = damaged(lambda f: (f / "model.keras").write_bytes(b"PK"))(tmp_path / "parent")
    noted = json.loads((folder / MANIFEST).read_text())
    noted["artefacts"]["model.keras"] = checksums(folder)["model.keras"]
    (folder / MANIFEST).write_text(json.dumps(noted))
    with pytest.raises(ArtefactError, match="not a network of this version"):
        load_network(folder)


def small_rows(labels: list[int], seen: int = 7) -> TrainingRows:
    """Six training rows and as many validation rows of two tokens each."""
    ids = np.array([[2, 3], [3, 4], [4, 2]] * 2, np.int32)
    matrix = np.random.default_rng(2).normal(size=(7, 4)).astype(np.float32)
    train, validation = EncodedPart(ids, np.array(labels)), EncodedPart(ids[::-1].copy(), np.array(labels[::-1]))
    return TrainingRows({"train": train, "validation": validation}, matrix, ["no", "yes"], seen)


def small_candidate(rows: TrainingRows, temperature: float = 1.0) -> Candidate:
    network = NetworkSettings(projection=(3,), units=2)
    model = build_network(rows.matrix, network, 2)
    probabilities = np.array(model(rows.parts["validation"].ids))
    return Candidate(model, network, TrainingState(), temperature, probabilities)


def test_the_weights_of_runs_are_averaged() -> None:
    rows = small_rows([0, 1, 0, 1, 0, 1])
    runs = [small_candidate(rows) for _ in range(3)]
    kernels = [run.model.get_layer(CLASSES).get_weights()[0] for run in runs]
    averaged = average(runs, rows)
    np.testing.assert_allclose(averaged.model.get_layer(CLASSES).get_weights()[0], np.mean(kernels, axis=0), atol=1e-6)
    np.testing.assert_array_equal(averaged.model.get_layer(GLOVE).get_weights()[0], rows.matrix)
    expected = np.array(averaged.model(rows.parts["validation"].ids))
    np.testing.assert_allclose(averaged.probabilities, expected, atol=1e-5)
    assert average(runs[:1], rows) is runs[0]


def test_the_first_candidate_is_kept_unless_another_is_clearly_better() -> None:
    rows = small_rows([0, 1, 0, 1, 0, 1])
    labels = rows.parts["validation"].labels
    good = small_candidate(rows)._replace(probabilities=np.where(np.eye(2)[labels] > 0, 0.9, 0.1))
    bad = good._replace(probabilities=1 - good.probabilities)
    options = TrainingSettings(class_weights="none")
    assert choose({BASE_MODEL: bad, NOTHING: good}, rows, options)[0] == NOTHING
    assert choose({BASE_MODEL: good, NOTHING: bad}, rows, options)[0] == BASE_MODEL
    assert choose({BASE_MODEL: good, NOTHING: good}, rows, options)[0] == BASE_MODEL
    assert choose({NOTHING: good}, rows, options) == (NOTHING, {})


def test_the_factor_of_ngram_scores_is_chosen_on_the_validation_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that fit the training rows and contradict the validation rows are left out."""
    rows = small_rows([0, 1, 1, 0, 1, 1])
    turned = rows.parts["validation"]._replace(labels=1 - rows.parts["validation"].labels)
    options = TrainingSettings(class_weights="none", ngram_buckets=97)
    monkeypatch.setattr("sentiment.training.ngram_scores._INVERSE_PENALTY_ALONE", 1.0)
    kept = small_candidate(rows)
    assert add_ngram_scores(kept, rows, options)[1].factor > 0
    against = rows._replace(parts={**rows.parts, "validation": turned})
    candidate, choice = add_ngram_scores(kept, against, options)
    assert choice.factor == 0
    assert candidate is kept


def test_a_network_with_ngram_scores_is_calibrated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its temperature is the one that its own validation probabilities ask for, not that of the network without scores."""
    rows = small_rows([0, 1, 1, 0, 1, 1])
    monkeypatch.setattr("sentiment.training.ngram_scores._INVERSE_PENALTY_ALONE", 1.0)
    kept = small_candidate(rows, temperature=3.0)
    candidate, choice = add_ngram_scores(kept, rows, TrainingSettings(class_weights="none", ngram_buckets=97))
    assert choice.factor > 0
    validation = rows.parts["validation"]
    probabilities = np.array(candidate.model(validation.ids))
    np.testing.assert_allclose(candidate.probabilities, probabilities, atol=1e-5)
    assert candidate.temperature == pytest.approx(fit_temperature(probabilities, validation.labels), rel=1e-3)
    assert candidate.temperature != kept.temperature


def test_a_network_from_nothing_has_its_own_learning_rate() -> None:
    inherited = replace(Settings(), training=TrainingSettings(learning_rate=base_model.LEARNING_RATE))
    assert base_model.settings_from_nothing(inherited, set()).training == TrainingSettings()
    named = base_model.settings_from_nothing(inherited, {"training.learning_rate"}).training
    assert named.learning_rate == base_model.LEARNING_RATE
