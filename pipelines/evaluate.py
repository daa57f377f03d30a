"""Stage 6: the exported model and its peers are scored on rows none of them has seen (`metrics.json` is last)."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.shared import manifest, publishing, stage
from pipelines.shared.corpus_files import profile_and_path, read_corpus
from pipelines.shared.seen_files import read_seen
from sentiment.errors import ArtefactError, InputError
from sentiment.predict.manifest import MANIFEST
from sentiment.settings import CorpusSettings

if TYPE_CHECKING:
    import numpy as np

    from sentiment.data.corpus import LabelledTexts
    from sentiment.evaluation.baselines import Predictor
    from sentiment.evaluation.predictions import Predictions
    from sentiment.predict.classifier import SentimentClassifier

HELD_OUT = "held_out"
_CLASSES_PUBLISHED = 3  # what others have published is for as many classes; a model of two is scored on other rows


class TestSet(NamedTuple):
    """Rows to score on.

    ``left_out`` counts those of a class that the model does not have, ``seen`` those that it was fitted or chosen on.
    ``published`` are figures that others have reached on such tweets, as the profile that reads them names them.
    """

    name: str
    source: str
    rows: "LabelledTexts"
    left_out: int
    seen: int = 0
    published: dict[str, Any] | None = None


def run(this: stage.Stage) -> None:
    """Read the test sets, score model and baselines on each, write."""
    import sentiment
    from sentiment.evaluation.baselines import fit_baselines
    from sentiment.evaluation.predictions import PREDICTIONS, joined

    model = sentiment.load(this.places.model)
    classes = model.classes_.tolist()
    _check_split(this)
    seen = read_seen(this.places.model)
    tests = _distinct([_held_out(this), *(_corpus(given, this, classes) for given in this.arguments.corpus)])
    tests = [_unseen(test, seen) for test in tests]
    stage.log.info("fitting the baselines")
    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    baselines = fit_baselines(_part(this, "train"), meanings)
    scored = [_score(test, model, baselines) for test in tests]
    behaviour = _behaviour(model, baselines, meanings)
    figures = {test.name: metrics for test, (metrics, _) in zip(tests, scored, strict=True)}
    with publishing.publish(this.places.model, last="metrics.json") as staging:
        joined([rows for _, rows in scored]).write(staging / PREDICTIONS)
        publishing.write_json(staging / "behaviour.json", behaviour)
        publishing.write_json(staging / "metrics.json", figures)
        manifest.add_staged(this.places.model, staging)
    _tell(figures, behaviour, classes, publishing.read_json(this.places.model / MANIFEST))


def _tell(
    figures: dict[str, dict[str, Any]], behaviour: dict[str, Any], classes: Sequence[str], trained: dict[str, Any]
) -> None:
    """Log the figures of each test set, the minimal pairs, and what is to be minded."""
    from sentiment.evaluation.remarks import remarks

    for name, metrics in figures.items():
        stage.log.info("%s", _summary(name, metrics))
    if behaviour:
        shares = ", ".join(f"{name} {100 * score['passed']:.1f}" for name, score in behaviour.items())
        stage.log.info("minimal pairs passed, in %%: %s", shares)
    for remark in remarks(figures, classes, trained):
        stage.log.warning("WARNING: %s", remark)


def _check_split(this: stage.Stage) -> None:
    """Refuse to score on rows that the model may have been trained on.

    Raises:
        ArtefactError: the corpus was read or split anew since.
    """
    loaded = publishing.read_json(this.places.interim / "load.json")
    trained = publishing.read_json(this.places.model / MANIFEST)
    read = {name: file["sha256"] for name, file in manifest.corpus_inputs(loaded).items()}
    known = {name: file["sha256"] for name, file in trained["inputs"].items() if name.startswith("corpus")}
    if [read, loaded["parts"]] != [known, trained["rows"]]:
        raise ArtefactError(
            f"{this.places.interim}: holds another corpus or split than the model was trained on, so that its "
            "held-out tweets may be training tweets; run `make train`"
        )


def _part(this: stage.Stage, name: str) -> "LabelledTexts":
    import pyarrow.parquet as pq

    from sentiment.data.corpus import LabelledTexts
    from sentiment.data.splitting import PARTS

    tweets = publishing.require(this.places.interim / "tweets.parquet")
    table = pq.read_table(tweets, filters=[("part", "=", PARTS.index(name))])
    return LabelledTexts(table.column("text").to_pylist(), table.column("label").to_numpy().astype("int64"))


def _held_out(this: stage.Stage) -> TestSet:
    return TestSet(HELD_OUT, "the part of the corpus that was set apart", _part(this, "test"), 0)


def _distinct(tests: list[TestSet]) -> list[TestSet]:
    """``tests``, those that share a name named by their source."""
    names = [test.name for test in tests]
    named = [test._replace(name=test.source) if names.count(test.name) > 1 else test for test in tests]
    sources = [test.name for test in named]
    if twice := next((name for name in sources if sources.count(name) > 1), None):
        raise InputError(f"{twice}: is given twice as a test set; leave one out")
    return named


def _corpus(given: str, this: stage.Stage, classes: Sequence[str]) -> TestSet:
    """Read a labelled CSV in the format of the profile's corpus, or ``profile:file`` in that of another profile's."""
    import numpy as np

    from sentiment.data.corpus import LabelledTexts

    profile, path = profile_and_path(given, this.profile | {"corpus": this.settings.to_dict()["corpus"]})
    read = read_corpus(path, _format(profile), "--corpus file")
    known = [(text, classes.index(name)) for text, name in read if name in classes]
    if not known:
        raise InputError(f"{path}: expected rows of the classes {', '.join(classes)}, received none")
    rows = LabelledTexts([text for text, _ in known], np.array([label for _, label in known]))
    published = profile.get("published") if len(classes) == _CLASSES_PUBLISHED else None
    return TestSet(path.name, given, rows, len(read) - len(known), published=published)


def _format(profile: dict[str, Any]) -> CorpusSettings:
    """How a test set is read: as the profile says, but for rows of a class, which are never ignored."""
    settings = stage.make_settings({"corpus": profile.get("corpus", {})}, []).corpus
    classes = {settings.label_key(value) for values in settings.label_values() for value in values}
    ignored = zip(settings.ignored_labels, settings.ignored_values(), strict=True)
    return replace(settings, ignored_labels=tuple(v for v, key in ignored if settings.label_key(key) not in classes))


def _unseen(test: TestSet, seen: "np.ndarray") -> TestSet:
    """``test`` without the tweets that the model was fitted or chosen on, which it would be given as if unseen.

    Raises:
        InputError: there is no other.
    """
    import numpy as np

    from sentiment.data.corpus import LabelledTexts
    from sentiment.data.seen import is_seen

    known = is_seen(test.rows.texts, seen)
    count = int(known.sum())
    if not count:
        return test
    if count == len(known):
        raise InputError(f"{test.source}: the model was trained on every tweet of it; expected tweets it has not seen")
    stage.log.warning(
        "WARNING: %s: %d of %d tweets are among those the model was trained or validated on; they are left out",
        test.source,
        count,
        len(known),
    )
    kept = np.flatnonzero(~known)
    rows = LabelledTexts([test.rows.texts[int(i)] for i in kept], test.rows.labels[kept])
    return test._replace(rows=rows, seen=count)


def _score(
    test: TestSet, model: "SentimentClassifier", baselines: "dict[str, Predictor]"
) -> "tuple[dict[str, Any], Predictions]":
    """Figures of model and baselines, and the answers row by row."""
    from sentiment.evaluation.metrics import mcnemar, measure
    from sentiment.evaluation.predictions import from_probabilities

    classes, y_true = model.classes_, test.rows.labels
    probabilities = model.predict_proba(test.rows.texts)
    y_pred = probabilities.argmax(axis=1)
    metrics = {"source": test.source, "left_out": test.left_out, "seen": test.seen}
    metrics |= measure(y_true, y_pred, len(classes), probabilities).to_dict()
    metrics |= {"published": test.published} if test.published else {}
    peers: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    for name, predict in baselines.items():
        answers = predict(test.rows.texts)
        labels[name] = classes[answers.labels]
        peers[name] = measure(y_true, answers.labels, len(classes), answers.probabilities).to_dict()
        peers[name]["accuracy_difference"] = metrics["accuracy"] - peers[name]["accuracy"]
        peers[name]["mcnemar_p"] = mcnemar(y_pred == y_true, answers.labels == y_true)
    truths = classes[y_true].tolist()
    rows = from_probabilities(classes.tolist(), test.rows.texts, truths, probabilities, test.name, labels)
    return metrics | {"baselines": peers}, rows


def _behaviour(
    model: "SentimentClassifier", baselines: "dict[str, Predictor]", meanings: Sequence[str]
) -> dict[str, Any]:
    """Minimal pairs: ``model`` and each baseline -> what they pass; empty where no classes have these ``meanings``."""
    import numpy as np

    from sentiment.evaluation.minimal_pairs import NEGATIVE, POSITIVE, read_pairs, score_pairs

    classes, pairs = np.array(meanings), read_pairs()
    if not {NEGATIVE, POSITIVE} <= set(meanings):
        return {}
    scores = {"model": score_pairs(pairs, lambda texts: classes[model.predict_proba(texts).argmax(axis=1)])}
    for name, predict in baselines.items():
        scores[name] = score_pairs(pairs, lambda texts, predict=predict: classes[predict(texts).labels])  # type: ignore[misc]
    return scores


def _summary(name: str, metrics: dict[str, Any]) -> str:
    low, high = metrics["accuracy_ci95"]
    peers = ", ".join(f"{peer} {100 * m['accuracy']:.1f}" for peer, m in metrics["baselines"].items())
    return (
        f"{name}: accuracy {100 * metrics['accuracy']:.1f}% (95% CI {100 * low:.1f} to {100 * high:.1f}, "
        f"n = {metrics['n']}), macro recall {100 * metrics['macro_recall']:.1f}%, ECE {metrics['ece']:.3f}; {peers}"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument(
        "--corpus",
        action="append",
        default=[],
        metavar="[PROFILE:]FILE",
        help="a further labelled CSV to score on, in the format of PROFILE (default: this one); may be repeated",
    )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
