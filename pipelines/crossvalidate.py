"""Train and score over k splits, or several seeds: means and standard deviations (`crossvalidation.json`).

Where a corpus is small, one split says little. Here every tweet is a test tweet once: the corpus is cut into k blocks,
and each in turn is what nothing is fitted or chosen on. Runs that are done are kept, so that an interrupted command
goes on where it stopped.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from pipelines.shared.processes import run_stage

RESULT = "crossvalidation.json"


def run(this: stage.Stage) -> None:
    """Run every fold with every seed, write the means, print a table."""
    from sentiment.errors import InputError
    from sentiment.evaluation.folds import summarise, text_table

    asked = this.arguments
    if asked.folds < 2:
        raise InputError(f"--folds: expected two or more, received {asked.folds}")
    for path in (asked.corpus, asked.glove):
        publishing.require_input(path, "--corpus or --glove")
    seeds = asked.seeds or [this.settings.training.seed]
    metrics = list(_runs(this, seeds))
    result = {"folds": asked.folds, "seeds": seeds, "figures": summarise(metrics)}
    this.places.model.mkdir(parents=True, exist_ok=True)
    publishing.write_json(this.places.model / RESULT, result)
    shutil.rmtree(_folder(this), ignore_errors=True)
    sys.stdout.write(text_table(result))


def _runs(this: stage.Stage, seeds: list[int]) -> Iterator[dict[str, Any]]:
    """The held-out figures of each run; each is kept in a file of its own as soon as it is there."""
    root = _folder(this)
    root.mkdir(parents=True, exist_ok=True)
    for fold in range(this.arguments.folds):
        for seed in seeds:
            kept = root / f"fold{fold}-seed{seed}.json"
            if not kept.exists():
                made = _execute(this, root / f"fold{fold}", fold, seed)
                publishing.write_json(kept, made)
            metrics = publishing.read_json(kept)
            stage.log.info(
                "fold %d of %d, seed %d: macro recall %.1f%%, accuracy %.1f%% (n = %d)",
                *(fold + 1, this.arguments.folds, seed, 100 * metrics["macro_recall"]),
                *(100 * metrics["accuracy"], metrics["n"]),
            )
            yield metrics
        shutil.rmtree(root / f"fold{fold}", ignore_errors=True)


def _execute(this: stage.Stage, root: Path, fold: int, seed: int) -> dict[str, Any]:
    asked = this.arguments
    pairs = [*asked.set, f"split.test={1 / asked.folds}", f"split.fold={fold}", f"training.seed={seed}"]
    options = ["--profile", asked.profile, "--root", str(root)]
    options += [part for pair in pairs for part in ("--set", pair)]
    places = stage.Places(root, this.places.profile)
    if not (places.processed / "embedding_matrix.npy").exists():
        run_stage("load", [*options, "--corpus", str(asked.corpus)])
        run_stage("preprocess", [*options, "--glove", str(asked.glove)])
        run_stage("embed", [*options, "--glove", str(asked.glove)])
    for name in ("train", "export", "evaluate"):
        run_stage(name, options)
    return dict(publishing.read_json(places.model / "metrics.json")["held_out"])


def _folder(this: stage.Stage) -> Path:
    """Where runs of these settings and inputs lie until all are done."""
    asked = this.arguments
    made_from = [this.settings.to_dict(), asked.folds, publishing.sha256(asked.corpus), publishing.sha256(asked.glove)]
    digest = sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:12]
    return this.places.interim / "crossvalidation" / digest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--corpus", type=Path, required=True, help="labelled tweets")
    parser.add_argument("--glove", type=Path, required=True, help="GloVe vectors")
    parser.add_argument("--folds", type=int, default=5, help="blocks that are the test part in turn (default: 5)")
    parser.add_argument("--seeds", type=int, nargs="+", help="of the training (default: that of the settings)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
