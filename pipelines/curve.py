"""Measure the learning curve: train on 100, 200, 500 … tweets of a corpus, with and without a base model.

The curve shows what a hundred more labels would gain (`curve.json`, `curve.svg`). Each run also trains the
baselines on its tweets, and scores them on the same test tweets, which the base model has not seen. Each seed
holds out another part of the corpus.
"""

import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import sentiment
from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_preprocessor, read_seen, read_split
from pipelines.shared.base_model import KERAS_MODEL
from pipelines.shared.repeated_runs import INPUT_OPTIONS, RepeatedRun, kept, work_folder
from pipelines.shared.stage import import_keras
from sentiment.common.command_line import count, whole_number
from sentiment.evaluation import comparison
from sentiment.evaluation.baselines import Predictor, fit_baselines, predictor_of
from sentiment.evaluation.scoring import LabelledTestSet, score, without_seen
from sentiment.predict.classifier import SentimentClassifier
from sentiment.settings import Settings, SplitSettings
from sentiment.settings_checks import from_dict

RESULT, DRAWING = "curve.json", "curve.svg"
_NOT_SHOWN = ("majority", "textblob")


def run(this: stage.Stage) -> None:
    """Train on every number of tweets with every seed, write and draw the mean metrics, and print a table."""
    from sentiment.report.figures import learning_curve
    from sentiment.report.templating import NAMES

    asked = this.arguments
    seeds = [*dict.fromkeys(asked.seeds)]
    root = work_folder(this, "curve", seeds)
    rows = _count(this, root / "all")
    test = min(SplitSettings().for_rows(rows).test, 1 / (len(seeds) + 1))
    labelled = round(rows * (1 - test))
    runs: dict[int, list[dict[str, Any]]] = {}
    for size in comparison.sizes_for(asked.sizes, labelled):
        validation, train_rows = comparison.split_shares(size, labelled, rows)
        split = (f"split.test={test}", f"split.validation={validation}", f"split.train_rows={train_rows}")
        for fold, seed in enumerate(seeds):
            pairs, work = (*split, f"split.fold={fold}", f"training.seed={seed}"), root / f"{size}-{seed}"
            figures = kept(work.with_suffix(".json"), partial(_execute, this, work, pairs))
            shutil.rmtree(work, ignore_errors=True)
            recall, baselines = 100 * figures["macro_recall"], figures["baselines"].items()
            others = ", ".join(f"{name} {100 * each['macro_recall']:.1f}" for name, each in baselines)
            stage.log.info("%d tweets, seed %d: macro recall %.1f%%; %s", size, seed, recall, others)
            runs.setdefault(size, []).append(figures)
    names = NAMES | {"model": "from base model" if this.base_model else "from nothing"}
    points = [{"rows": size, "figures": comparison.summarise(each)} for size, each in runs.items()]
    result = {"settings": this.settings.to_dict(), "seeds": seeds, "base_model": str(this.base_model or "")}
    result |= {"points": points}
    publishing.write_json(this.places.model / RESULT, result)
    publishing.write_text(this.places.model / DRAWING, learning_curve(result) or "")
    shutil.rmtree(root, ignore_errors=True)
    sys.stdout.write(comparison.curve_table(points, names))


def _count(this: stage.Stage, root: Path) -> int:
    """Run `load` once, and return the number of distinct tweets of the corpus."""
    cold = RepeatedRun(replace(this, base_model=None), root, (), this.arguments.glove)
    cold.load()
    parts = publishing.read_json(cold.places.interim / "load.json")["parts"]
    return sum(sum(part.values()) for part in parts.values())


def _execute(this: stage.Stage, root: Path, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Train from the base model, from scratch, or both. Return the metrics of all networks and baselines."""
    starts = {"warm": this} if this.base_model else {}
    starts |= {"cold": replace(this, base_model=None)} if this.arguments.glove else {}
    runs = [RepeatedRun(start, root / name, pairs, this.arguments.glove) for name, start in starts.items()]
    first, *others = [_trained(each) for each in runs]
    interim, classes = runs[0].places.interim, first.classes_.tolist()
    from_nothing = {comparison.FROM_NOTHING: predictor_of(others[0])} if others else {}
    test = LabelledTestSet("held_out", f"the test tweets, with --from {this.base_model}", read_split(interim, "test"))
    if this.base_model:
        test = without_seen(test, read_seen(this.base_model))
    return score(test, first, from_nothing | _baselines(this, interim, classes))[0]


def _trained(each: RepeatedRun) -> SentimentClassifier:
    """Train a network, and return a classifier with it, without exporting a model."""
    each.make_ids()
    each.run("train")
    import_keras()
    import keras

    from sentiment.network.keras_network import fold

    folder, classes = each.places.model, publishing.read_json(each.places.interim / "load.json")["classes"]
    settings = from_dict(Settings, publishing.read_json(folder / "settings.json"))
    network = fold(keras.models.load_model(folder / KERAS_MODEL), settings.network)
    return SentimentClassifier(read_preprocessor(each.places.processed), network, classes)


def _baselines(this: stage.Stage, interim: Path, classes: list[str]) -> dict[str, Predictor]:
    """Return by name the installed baselines, fitted to the training tweets, and a base model of the same classes."""
    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    made = fit_baselines(read_split(interim, "train"), meanings)
    made = {name: predict for name, predict in made.items() if name not in _NOT_SHOWN}
    if this.base_model and (model := sentiment.load(this.base_model)).classes_.tolist() == classes:
        made[comparison.BASE_MODEL] = predictor_of(model)
    return made


OPTIONS = INPUT_OPTIONS | {
    "--sizes": {"type": whole_number(1), "nargs": "+", "default": comparison.SIZES, "help": "how many tweets, and all"},
    "--seeds": {"type": count, "nargs": "+", "default": (7, 8, 9), "help": "seeds; each size is trained with each"},
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
