"""Run a k-fold cross-validation with one seed or several (`crossvalidation.json`: means and standard deviations).

On a small corpus, the result of a single split is unreliable. Here the corpus is cut into k blocks, and each block is
the test set once. Nothing is fitted or chosen on the block that is tested.
"""

import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from pipelines.shared.repeated_runs import INPUT_OPTIONS, RepeatedRun, kept, work_folder
from sentiment.common.command_line import count, whole_number

RESULT = "crossvalidation.json"


def run(this: stage.Stage) -> None:
    """Run every fold with every seed, write the means, and print a table."""
    from sentiment.evaluation.comparison import folds_table, summarise

    asked = this.arguments
    seeds = [*dict.fromkeys(asked.seeds or [this.settings.training.seed])]
    root = work_folder(this, "crossvalidation", asked.folds)
    metrics = []
    for fold in range(asked.folds):
        for seed in seeds:
            each = kept(root / f"fold{fold}-seed{seed}.json", partial(_execute, this, root, fold, seed))
            stage.log.info(
                "fold %d of %d, seed %d: macro recall %.1f%%, accuracy %.1f%% (n = %d)",
                *(fold + 1, asked.folds, seed, 100 * each["macro_recall"], 100 * each["accuracy"], each["n"]),
            )
            metrics.append(each)
        shutil.rmtree(root / f"fold{fold}", ignore_errors=True)
    result = {"settings": this.settings.to_dict(), "folds": asked.folds, "seeds": seeds, "figures": summarise(metrics)}
    publishing.write_json(this.places.model / RESULT, result)
    shutil.rmtree(root, ignore_errors=True)
    sys.stdout.write(folds_table(result))


def _execute(this: stage.Stage, root: Path, fold: int, seed: int) -> dict[str, Any]:
    pairs = (f"split.test={1 / this.arguments.folds}", f"split.fold={fold}", f"training.seed={seed}")
    each = RepeatedRun(this, root / f"fold{fold}", pairs, this.arguments.glove)
    each.make_ids()
    for name in ("train", "export", "evaluate"):
        each.run(name)
    return dict(publishing.read_json(each.places.model / "metrics.json")["held_out"])


OPTIONS = INPUT_OPTIONS | {
    "--folds": {"type": whole_number(2), "default": 5, "help": "blocks; each is the test set once (default: 5)"},
    "--seeds": {"type": count, "nargs": "+", "help": "seeds of the training (default: the seed of the settings)"},
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
