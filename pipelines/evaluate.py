"""Stage 6: score the exported model and the baselines on unseen tweets. `metrics.json`, written last, marks success."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import sentiment
from pipelines.shared import artefacts, profiles, publishing, stage
from pipelines.shared.artefacts import read_seen, read_split
from pipelines.shared.profiles import profile_and_path, read_corpus
from sentiment.data.corpus import LabelledTexts
from sentiment.errors import ArtefactError, InputError
from sentiment.evaluation import scoring
from sentiment.evaluation.baselines import fit_baselines
from sentiment.evaluation.record import PREDICTIONS, joined
from sentiment.evaluation.scoring import LabelledTestSet
from sentiment.predict.model_files import MANIFEST
from sentiment.settings import CorpusSettings

_CLASSES_PUBLISHED = 3  # published figures are for three classes, so they are no comparison for two


def run(this: stage.Stage) -> None:
    """Score the model and the baselines on each test set, and write metrics and predictions."""
    folder = this.places.model
    model = sentiment.load(folder)
    classes = model.classes_.tolist()
    _check_split(this)
    tests = test_sets(this, classes, read_seen(folder))
    stage.log.info("fitting the baselines")
    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    baselines = fit_baselines(read_split(this.places.interim, "train"), meanings)
    scored = [scoring.score(test, model, baselines) for test in tests]
    pairs = scoring.score_minimal_pairs(model, baselines, meanings)
    figures = {test.name: metrics for test, (metrics, _) in zip(tests, scored, strict=True)}
    with publishing.publish(folder, last="metrics.json") as staging:
        joined([predictions for _, predictions in scored]).write(staging / PREDICTIONS)
        publishing.write_json(staging / "behaviour.json", pairs)
        publishing.write_json(staging / "metrics.json", figures)
        publishing.add_staged(folder, staging)
    _tell(figures, pairs, classes, publishing.read_json(folder / MANIFEST))


def _check_split(this: stage.Stage) -> None:
    """Raise an ArtefactError if the corpus or its split has changed since the training.

    After such a change, tweets of the new test set may be training tweets of the model.
    """
    loaded = publishing.read_json(this.places.interim / "load.json")
    trained = publishing.read_json(this.places.model / MANIFEST)
    read = {name: file["sha256"] for name, file in artefacts.corpus_inputs(loaded).items()}
    known = {name: file["sha256"] for name, file in trained["inputs"].items() if name.startswith("corpus")}
    if [read, loaded["parts"]] != [known, trained["rows"]]:
        raise ArtefactError(
            f"{this.places.interim}: holds another corpus or split than the model was trained on, so that its "
            "held-out tweets may be training tweets; run `make train`"
        )


def test_sets(this: stage.Stage, classes: Sequence[str], seen: np.ndarray) -> list[LabelledTestSet]:
    """Return the held-out tweets and the test sets that ``--corpus`` names.

    Tweets whose hashes are in ``seen``, uint64 ``(m,)``, are left out.
    """
    held_out = read_split(this.places.interim, "test")
    first = LabelledTestSet("held_out", "the part of the corpus that was set apart", held_out)
    tests = scoring.with_distinct_names(
        [first, *(_read_test_set(given, this, classes) for given in this.arguments.corpus)]
    )
    unseen = [scoring.without_seen(test, seen) for test in tests]
    for test, left in zip(tests, unseen, strict=True):
        if left.seen:
            stage.log.warning(
                "WARNING: %s: %d of %d tweets are among those the model was trained or validated on; they are left out",
                *(test.source, left.seen, len(test.rows.texts)),
            )
    return unseen


def _read_test_set(given: str, this: stage.Stage, classes: Sequence[str]) -> LabelledTestSet:
    """Read a test set. ``given`` is a file in this profile's format, or ``profile:file`` for another format."""
    profile, path = profile_and_path(given, this.profile | {"corpus": this.settings.to_dict()["corpus"]})
    read = read_corpus(path, _format(profile), "--corpus file")
    known = [(text, classes.index(name)) for text, name in read if name in classes]
    if not known:
        raise InputError(f"{path}: expected rows of the classes {', '.join(classes)}, received none")
    rows = LabelledTexts([text for text, _ in known], np.array([label for _, label in known]))
    published = profile.get("published") if len(classes) == _CLASSES_PUBLISHED else None
    return LabelledTestSet(path.name, given, rows, len(read) - len(known), published=published)


def _format(profile: dict[str, Any]) -> CorpusSettings:
    """Return the profile's corpus settings. A label that belongs to a class is not ignored: the model may know it."""
    settings = profiles.make_settings({"corpus": profile.get("corpus", {})}, []).corpus
    classes = {settings.label_key(value) for values in settings.label_values() for value in values}
    ignored = zip(settings.ignored_labels, settings.ignored_values(), strict=True)
    return replace(settings, ignored_labels=tuple(v for v, key in ignored if settings.label_key(key) not in classes))


def _tell(
    figures: dict[str, dict[str, Any]], pairs: dict[str, Any], classes: Sequence[str], trained: dict[str, Any]
) -> None:
    """Log the metrics of each test set, the shares of minimal pairs passed, and warnings about the metrics."""
    for name, metrics in figures.items():
        low, high = metrics["accuracy_ci95"]
        others = ", ".join(f"{other} {100 * m['accuracy']:.1f}" for other, m in metrics["baselines"].items())
        stage.log.info(
            "%s: accuracy %.1f%% (95%% CI %.1f to %.1f, n = %d), macro recall %.1f%%, ECE %.3f; %s",
            *(name, 100 * metrics["accuracy"], 100 * low, 100 * high, metrics["n"]),
            *(100 * metrics["macro_recall"], metrics["ece"], others),
        )
    if pairs:
        shares = ", ".join(f"{name} {100 * score['passed']:.1f}" for name, score in pairs.items())
        stage.log.info("minimal pairs passed, in %%: %s", shares)
    for remark in scoring.remarks(figures, classes, trained):
        stage.log.warning("WARNING: %s", remark)


OPTIONS: stage.Options = {
    "--corpus": {
        "action": "append", "default": [], "metavar": "[PROFILE:]FILE",
        "help": "a further labelled table to score on, in the format of PROFILE (default: this one); may be repeated",
    }
}  # fmt: skip

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
