"""Train on 100, 200, 500 … tweets of a corpus, with and without a parent: the learning curve (`curve.json`, `.svg`).

It says what the next hundred labels would gain. Peers learn from the tweets of each run and are scored where it is;
each seed takes another part of the corpus for testing, and so other tweets to learn from. Runs that are done are kept,
so that an interrupted command goes on where it stopped.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.shared import publishing, stage
from pipelines.shared.processes import run_stage
from sentiment.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from sentiment.data.corpus import LabelledTexts

RESULT, DRAWING = "curve.json", "curve.svg"
_WARM, _COLD = "warm", "cold"


class Draw(NamedTuple):
    """A run's place among the others: which block is the test part, with which seed, and how many labelled tweets."""

    fold: int
    seed: int
    size: int


def run(this: stage.Stage) -> None:
    """Run every size with every seed, write the means, draw them, print a table."""
    from sentiment.evaluation.learning_curve import sizes_for, summary, text_table
    from sentiment.report.figures import learning_curve
    from sentiment.report.templating import NAMES

    asked = this.arguments
    publishing.require_input(asked.corpus, "--corpus")
    if asked.glove is None and this.parent is None:
        raise InputError("--glove: expected vectors, or a model to start from (--from), received neither")
    root = _folder(this)
    labelled, rows, share = _count(this, root)
    sizes = sizes_for(asked.sizes, labelled)
    runs: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for size in sizes:
        for fold, seed in enumerate(asked.seeds):
            pairs = _split_pairs(Draw(fold, seed, size), labelled, rows, share)
            runs[size].append(_kept(this, root, Draw(fold, seed, size), pairs))
    names = NAMES | {"model": "from parent" if this.parent else "from nothing"}
    points = summary(runs)
    result = {"seeds": asked.seeds, "parent": str(this.parent or ""), "points": points}
    this.places.model.mkdir(parents=True, exist_ok=True)
    publishing.write_json(this.places.model / RESULT, result)
    publishing.write_text(this.places.model / DRAWING, learning_curve(result) or "")
    shutil.rmtree(root, ignore_errors=True)
    sys.stdout.write(text_table(points, names))


def _count(this: stage.Stage, root: Path) -> tuple[int, int, float]:
    """Tweets there are to learn from, tweets in all, and the share that is the test part."""
    from sentiment.settings import SplitSettings

    places = _places(this, root, _COLD)
    run_stage("load", [*_options(this, root, _COLD, []), "--corpus", str(this.arguments.corpus)])
    parts = publishing.read_json(places.interim / "load.json")["parts"]
    rows = sum(sum(part.values()) for part in parts.values())
    share = min(SplitSettings().for_rows(rows).test, 1 / (len(this.arguments.seeds) + 1))
    return round(rows * (1 - share)), rows, share


def _split_pairs(draw: Draw, labelled: int, rows: int, share: float) -> list[str]:
    from sentiment.evaluation.learning_curve import shares

    part = shares(draw.size, labelled, rows)
    return [
        f"split.test={share}", f"split.fold={draw.fold}", f"split.validation={part.validation}",
        f"split.train_rows={part.train_rows}", f"training.seed={draw.seed}",
    ]  # fmt: skip


def _kept(this: stage.Stage, root: Path, draw: Draw, pairs: list[str]) -> dict[str, Any]:
    """The figures of a run, those of the others on the same tweets among its baselines; kept as soon as it is there."""
    path = root / f"{draw.size}-{draw.seed}.json"
    if not path.exists():
        publishing.write_json(path, _execute(this, root, pairs))
    figures = dict(publishing.read_json(path))
    others = ", ".join(f"{name} {100 * each['macro_recall']:.1f}" for name, each in figures["baselines"].items())
    told = (draw.size, draw.seed, 100 * figures["macro_recall"], others)
    stage.log.info("%d tweets, seed %d: macro recall %.1f%%; %s", *told)
    return figures


def _execute(this: stage.Stage, root: Path, pairs: list[str]) -> dict[str, Any]:
    """Train from nothing, from the parent, or both, and score them and the peers on the test part."""
    from sentiment.evaluation.learning_curve import FROM_NOTHING, PARENT

    warm = {_WARM: _train(this, root, _WARM, pairs)} if this.parent else {}
    cold = {_COLD: _train(this, root, _COLD, pairs)} if this.arguments.glove else {}
    first, *others = (warm | cold).values()
    scored = [(FROM_NOTHING, each) for each in others]
    places = _places(this, root, _WARM if warm else _COLD)
    baselines = _peers(this, places) | ({PARENT: known} if (known := _parent_as_it_is(this, places)) else {})
    return first | {"baselines": dict(scored) | baselines}


def _train(this: stage.Stage, root: Path, start: str, pairs: list[str]) -> dict[str, Any]:
    """Make a network of these rows and return its figures on the test part; no model is exported for that."""
    options = _options(this, root, start, pairs)
    options += ["--from", str(this.parent)] if start == _WARM else []
    vectors = [] if start == _WARM else ["--glove", str(this.arguments.glove)]
    run_stage("load", [*options, "--corpus", str(this.arguments.corpus)])
    run_stage("preprocess", [*options, *vectors])
    run_stage("embed", [*options, *vectors])
    run_stage("train", options)
    return _score_network(_places(this, root, start))


def _score_network(places: stage.Places) -> dict[str, Any]:
    from pipelines.shared.artefacts import read_part
    from pipelines.shared.libraries import import_keras
    from sentiment.common.plain_data import from_dict
    from sentiment.evaluation.metrics import measure
    from sentiment.settings import Settings

    import_keras()
    import keras

    from sentiment.network.folding import fold

    settings = from_dict(Settings, publishing.read_json(places.model / "settings.json"))
    network = fold(keras.models.load_model(places.model / "model.keras"), settings.network)
    test = read_part(places.processed, "test")
    probabilities = network.of_padded(test.ids)
    return measure(test.labels, probabilities.argmax(axis=1), probabilities.shape[1], probabilities).to_dict()


def _peers(this: stage.Stage, places: stage.Places) -> dict[str, Any]:
    """Figures of the baselines that are installed, fitted to the same training rows."""
    from sentiment.evaluation.baselines import fit_baselines
    from sentiment.evaluation.metrics import measure

    classes = publishing.read_json(places.interim / "load.json")["classes"]
    meanings = [this.settings.corpus.polarity.get(name, name) for name in classes]
    test, made = _rows(places, "test"), fit_baselines(_rows(places, "train"), meanings)
    answers = {name: predict(test.texts) for name, predict in made.items() if name not in ("majority", "textblob")}
    return {
        name: measure(test.labels, each.labels, len(classes), each.probabilities).to_dict()
        for name, each in answers.items()
    }


def _parent_as_it_is(this: stage.Stage, places: stage.Places) -> dict[str, Any] | None:
    """Figures of the parent itself on the test part, where it has the same classes."""
    import sentiment
    from sentiment.evaluation.metrics import measure

    classes = publishing.read_json(places.interim / "load.json")["classes"]
    model = sentiment.load(this.parent) if this.parent else None
    if model is None or model.classes_.tolist() != classes:
        return None
    test = _rows(places, "test")
    probabilities = model.predict_proba(test.texts)
    return measure(test.labels, probabilities.argmax(axis=1), len(classes), probabilities).to_dict()


def _rows(places: stage.Places, part: str) -> "LabelledTexts":
    import pyarrow.parquet as pq

    from sentiment.data.corpus import LabelledTexts
    from sentiment.data.splitting import PARTS

    table = pq.read_table(places.interim / "tweets.parquet", filters=[("part", "=", PARTS.index(part))])
    labels: np.ndarray = table.column("label").to_numpy().astype("int64")
    return LabelledTexts(table.column("text").to_pylist(), labels)


def _options(this: stage.Stage, root: Path, start: str, pairs: Sequence[str]) -> list[str]:
    settings = [part for pair in (*this.arguments.set, *pairs) for part in ("--set", pair)]
    return ["--profile", this.arguments.profile, "--root", str(root), "--run", start, *settings]


def _places(this: stage.Stage, root: Path, start: str) -> stage.Places:
    return stage.Places(root, this.places.profile, start)


def _folder(this: stage.Stage) -> Path:
    """Where runs of these settings and inputs lie until all are done."""
    files = [this.arguments.corpus, this.arguments.glove, this.parent and this.parent / "model.keras"]
    made_from = [this.settings.to_dict(), *(publishing.sha256(file) if file else "" for file in files)]
    digest = sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:12]
    return this.places.interim / "curve" / digest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    from sentiment.evaluation.learning_curve import SIZES

    parser.add_argument("--corpus", type=Path, required=True, help="labelled tweets")
    parser.add_argument("--glove", type=Path, help="GloVe vectors, to train from nothing too")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="labelled tweets of a run (and all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=(7, 8, 9), help="a run of each size for each")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
