"""Measure the learning curve: train on 100, 200, 500 … tweets of a corpus, with and without a base model.

The curve shows what a hundred more labels would gain (`curve.json`, `curve.svg`). Each run also trains the
baselines on its tweets, and scores them on the same test tweets, which the base model has not seen. Each seed
holds out another part of the corpus.
"""

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_part, read_seen, read_split
from pipelines.shared.repeated_runs import INPUT_OPTIONS, RepeatedRun, kept, work_folder
from pipelines.shared.stage import import_keras
from sentiment.common.command_line import count, whole_number
from sentiment.data.splitting import is_seen
from sentiment.errors import InputError
from sentiment.evaluation import comparison

RESULT, DRAWING = "curve.json", "curve.svg"
WARM, COLD = "warm", "cold"  # runs that start from the base model, and from scratch


def run(this: stage.Stage) -> None:
    """Train on every number of tweets with every seed, write and draw the mean metrics, and print a table."""
    from sentiment.report.figures import learning_curve
    from sentiment.report.templating import NAMES

    asked = this.arguments
    seeds = [*dict.fromkeys(asked.seeds)]
    root = work_folder(this, "curve", seeds)
    rows, labelled, test = _count(this, root)
    runs: dict[int, list[dict[str, Any]]] = {}
    for size in comparison.sizes_for(asked.sizes, labelled):
        validation, train_rows = comparison.split_shares(size, labelled, rows)
        split = (f"split.test={test}", f"split.validation={validation}", f"split.train_rows={train_rows}")
        for fold, seed in enumerate(seeds):
            pairs = (*split, f"split.fold={fold}", f"training.seed={seed}")
            figures = kept(root / f"{size}-{seed}.json", partial(_execute, this, root, pairs))
            recall, baselines = 100 * figures["macro_recall"], figures["baselines"].items()
            others = ", ".join(f"{name} {100 * each['macro_recall']:.1f}" for name, each in baselines)
            stage.log.info("%d tweets, seed %d: macro recall %.1f%%; %s", size, seed, recall, others)
            runs.setdefault(size, []).append(figures)
    names = NAMES | {"model": "from base model" if this.base_model else "from nothing"}
    points = [{"rows": size, "figures": comparison.summarise(each)} for size, each in runs.items()]
    result = {"seeds": seeds, "base_model": str(this.base_model or ""), "points": points}
    this.places.model.mkdir(parents=True, exist_ok=True)
    publishing.write_json(this.places.model / RESULT, result)
    publishing.write_text(this.places.model / DRAWING, learning_curve(result) or "")
    shutil.rmtree(root, ignore_errors=True)
    sys.stdout.write(comparison.curve_table(points, names))


def _start(this: stage.Stage, root: Path, name: str, pairs: tuple[str, ...]) -> RepeatedRun:
    """Return a run that starts from the base model (``warm``) or from scratch (``cold``)."""
    return RepeatedRun(this, root, pairs, this.arguments.glove, this.base_model if name == WARM else None, name)


def _count(this: stage.Stage, root: Path) -> tuple[int, int, float]:
    """Run `load` once to count the distinct tweets of the corpus.

    Return the number of tweets, the number of tweets outside the test set, and the test set's share of all tweets.
    """
    from sentiment.settings import SplitSettings

    interim = _start(this, root, COLD, ()).load()
    parts = publishing.read_json(interim / "load.json")["parts"]
    rows = sum(sum(part.values()) for part in parts.values())
    share = min(SplitSettings().for_rows(rows).test, 1 / (len({*this.arguments.seeds}) + 1))
    return rows, round(rows * (1 - share)), share


def _execute(this: stage.Stage, root: Path, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Train from the base model, from scratch, or both. Return the metrics of all networks and baselines."""
    starts = [WARM] if this.base_model else []
    starts += [COLD] if this.arguments.glove else []
    runs = [_start(this, root, name, pairs) for name in starts]
    first, *others = [_train(each) for each in runs]
    from_nothing = dict(zip([comparison.FROM_NOTHING], others, strict=False))
    return first | {"baselines": from_nothing | baseline_figures(this, runs[0].places)}


def _train(each: RepeatedRun) -> dict[str, Any]:
    """Train a network and return its metrics on the test set, without exporting a model."""
    each.make_ids(again=True)
    each.run("train")
    return network_figures(each.this, each.places)


def _unseen(this: stage.Stage, places: stage.Places) -> list[int]:
    """Return the positions of the test tweets that the base model, if there is one, was not trained or validated on."""
    texts = read_split(places.interim, "test").texts
    seen = is_seen(texts, read_seen(this.base_model)) if this.base_model else [False] * len(texts)
    if all(seen):
        raise InputError(f"{this.base_model}: was trained on every test tweet; expected tweets it has not seen")
    return [i for i, known in enumerate(seen) if not known]


def network_figures(this: stage.Stage, places: stage.Places) -> dict[str, Any]:
    """Return the metrics of the trained network in ``places.model`` on the unseen tweets of the test set."""
    from sentiment.evaluation.metrics import measure
    from sentiment.settings import Settings
    from sentiment.settings_checks import from_dict

    import_keras()
    import keras

    from sentiment.network.keras_network import fold

    settings = from_dict(Settings, publishing.read_json(places.model / "settings.json"))
    network = fold(keras.models.load_model(places.model / "model.keras"), settings.network)
    test, rows = read_part(places.processed, "test"), _unseen(this, places)
    probabilities = network.of_padded(test.ids[rows])
    return measure(test.labels[rows], probabilities.argmax(axis=1), probabilities.shape[1], probabilities)


def baseline_figures(this: stage.Stage, places: stage.Places) -> dict[str, Any]:
    """Return by name the test metrics of the installed baselines, which are fitted to the run's training rows.

    A base model with the same classes is a baseline too.
    """
    import sentiment
    from sentiment.evaluation.baselines import BaselineAnswers, fit_baselines
    from sentiment.evaluation.metrics import measure

    classes = publishing.read_json(places.interim / "load.json")["classes"]
    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    test, rows = read_split(places.interim, "test"), _unseen(this, places)
    texts, labels = [test.texts[i] for i in rows], test.labels[rows]
    made = fit_baselines(read_split(places.interim, "train"), meanings)
    answers = {name: predict(texts) for name, predict in made.items() if name not in ("majority", "textblob")}
    if this.base_model and (model := sentiment.load(this.base_model)).classes_.tolist() == classes:
        probabilities = model.predict_proba(texts)
        answers[comparison.BASE_MODEL] = BaselineAnswers(probabilities.argmax(axis=1), probabilities)
    return {name: measure(labels, each.labels, len(classes), each.probabilities) for name, each in answers.items()}


OPTIONS = INPUT_OPTIONS | {
    "--sizes": {
        "type": whole_number(1),
        "nargs": "+",
        "default": comparison.SIZES,
        "help": "how many tweets (and all)",
    },
    "--seeds": {"type": count, "nargs": "+", "default": (7, 8, 9), "help": "seeds; each size is trained with each"},
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
