"""Train a grid of settings with several seeds each (`models/<profile>/ablation/`). Interrupted runs can be resumed."""

import argparse
import csv
import logging
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from pipelines.shared import profiles, publishing, stage
from pipelines.shared.repeated_runs import INPUT_OPTIONS, RepeatedRun, checksum, digest, kept, work_folder
from sentiment.common.command_line import count
from sentiment.errors import InputError
from sentiment.settings_checks import from_dict

GRID = Path(__file__).with_suffix(".toml")
_VECTORS = "GloVe vectors"
# Only training depends on these sections, so runs that differ in nothing else share ids and matrix.
_OF_TRAINING = ("network.", "training.")


@dataclass(frozen=True, slots=True)
class GridGroup:
    """Variants that answer one question (``title``): the name of each, and the settings that it overrides."""

    title: str
    variants: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Grid:
    """All variants to train.

    Attributes:
        groups: the questions with their variants.
        seeds: the seeds; each variant is trained once with each seed.
        train_rows: the number of training rows, unless a variant sets it; 0 uses all rows.
        settings: overrides that all variants share.
    """

    groups: tuple[GridGroup, ...]
    seeds: tuple[int, ...] = (7, 8, 9)
    train_rows: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def pairs(self, variant: dict[str, Any]) -> tuple[str, ...]:
        """Return the settings in which ``variant`` differs from the profile, as sorted ``section.key=value`` texts."""
        overrides = {"split.train_rows": self.train_rows} | self.settings | variant
        return tuple(sorted(f"{name}={profiles.toml_value(value)}" for name, value in overrides.items()))


class GridRun(NamedTuple):
    """One training run of the variant with the name ``variant``, for the question ``title``.

    Attributes:
        pairs: the settings that the run overrides, as ``section.key=value``.
        identity: a digest of overrides, GloVe file and seed. Runs with the same digest are trained once.
        shared: a digest of all that determines ids and embedding matrix. Runs with the same digest share both.
    """

    title: str
    variant: str
    pairs: tuple[str, ...]
    glove: Path | None
    seed: int
    identity: str
    shared: str


Summary = dict[str, list[dict[str, Any]]]  # title of a group -> rows, see `summarise`


def run(this: stage.Stage) -> None:
    """Train the runs that have no result yet, then write a table and a chart."""
    if this.base_model and this.arguments.vectors:
        raise InputError("--vectors: have no use with --from, whose model has vectors of its own; leave them out")
    folder, work = this.places.model / "ablation", work_folder(this, "ablation")
    runs, results = list(runs_of(read_grid(this), this.arguments)), folder / "results" / work.name
    missing = {each.identity: each for each in runs if not (results / f"{each.identity}.json").exists()}
    if not runs:
        raise InputError(f"{this.arguments.grid}: expected variants and seeds to train, found none")
    stage.log.info("%d runs, %d to make", len({each.identity for each in runs}), len(missing))
    try:
        _train_all(this, list(missing.values()), results, work)
    finally:
        done = summarise(runs, {path.stem: publishing.read_json(path) for path in results.glob("*.json")})
        if done:
            publishing.write_json(folder / "ablation.json", done)
            publishing.write_text(folder / "ablation.md", table(done))
            publishing.write_text(folder / "ablation.svg", picture(done))
    shutil.rmtree(work, ignore_errors=True)
    sys.stdout.write(table(done))


def _train_all(this: stage.Stage, todo: list[GridRun], results: Path, work: Path) -> None:
    """Train the runs that preprocess the tweets in the same way one after the other, so that this is done once."""
    todo.sort(key=attrgetter("shared", "pairs", "seed"))
    with logging_redirect_tqdm([logging.getLogger()]), tqdm(total=len(todo), unit="run", disable=None) as bar:
        for shared, group in groupby(todo, attrgetter("shared")):
            for each in group:
                result = kept(results / f"{each.identity}.json", partial(execute, this, work / shared, each))
                stage.log.info("%.4f seed %d %s %s", result["accuracy"], each.seed, each.glove, " ".join(each.pairs))
                bar.update()
            shutil.rmtree(work / shared, ignore_errors=True)


def execute(this: stage.Stage, root: Path, grid_run: GridRun) -> dict[str, Any]:
    """Preprocess the tweets, train the network with the settings of ``grid_run``, and return the run's result.

    The result has the validation accuracy and loss after the best epoch, the number of rows in training, validation and
    test, and the duration of training in seconds.
    """
    made = RepeatedRun(this, root, grid_run.pairs, grid_run.glove)
    made.make_ids()
    start = time.monotonic()
    replace(made, pairs=(*grid_run.pairs, f"training.seed={grid_run.seed}")).run("train")
    seconds, model = time.monotonic() - start, made.places.model
    trained = publishing.read_json(model / "training.json")
    with (model / "history.csv").open(encoding="utf-8", newline="") as file:
        best = list(csv.DictReader(file))[trained["best_epoch"] - 1]
    rows = {part: sum(counts.values()) for part, counts in trained["rows"].items()}
    figures = {"accuracy": float(best["val_accuracy"]), "loss": float(best["val_loss"])}
    return figures | {"rows": rows["train"], "validation_rows": rows["validation"], "seconds": seconds}


def read_grid(this: stage.Stage) -> Grid:
    """Read the grid, apply ``--train-rows`` and ``--seeds``, and check the settings of every variant.

    Raises:
        SettingsError: the file is not TOML or not a grid, or the settings of a variant are wrong.
    """
    data = profiles.read_toml(publishing.require_input(this.arguments.grid, "--grid"))
    given = {"train_rows": this.arguments.train_rows, "seeds": this.arguments.seeds}
    grid = from_dict(Grid, data | {name: value for name, value in given.items() if value is not None})
    for group in grid.groups:
        for variant in group.variants.values():
            profiles.make_settings(this.profile, grid.pairs(variant))
    return grid


def runs_of(grid: Grid, arguments: argparse.Namespace) -> Iterator[GridRun]:
    """Yield a run per variant and seed. Then, for each GloVe file in ``--vectors``, yield a run per seed."""
    given = arguments.glove
    variants = [(group.title, *each, given) for group in grid.groups for each in group.variants.items()]
    if arguments.vectors:
        variants.append((_VECTORS, given.name, {}, given))
    any_dimension = {"embedding.dimension": 0, "embedding.member": ""}
    variants += [(_VECTORS, glove.name, any_dimension, glove) for glove in arguments.vectors]
    for title, name, variant, glove in variants:
        pairs, vectors = grid.pairs(variant), checksum(glove) if glove else ""
        shared = digest([pair for pair in pairs if not pair.startswith(_OF_TRAINING)], vectors)
        for seed in dict.fromkeys(grid.seeds):
            yield GridRun(title, name, pairs, glove, seed, digest(pairs, vectors, seed), shared)


def summarise(runs: Sequence[GridRun], results: Mapping[str, Mapping[str, Any]]) -> Summary:
    """Return the rows of one table per group of variants, by the group's title. Variants without results are left out.

    ``results`` has the result of each finished run by its ``identity``. A row has the variant's mean accuracy over its
    seeds, and the sample standard deviation (0 for one seed).
    """
    groups: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for each in runs:
        if each.identity in results:
            groups.setdefault(each.title, {}).setdefault(each.variant, []).append(results[each.identity])
    return {title: [_row(*each) for each in variants.items()] for title, variants in groups.items()}


def _row(name: str, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    accuracies = [result["accuracy"] for result in results]
    return {
        "variant": name,
        "accuracy": mean(accuracies),
        "deviation": stdev(accuracies) if len(results) > 1 else 0.0,
        "seeds": len(results),
        "rows": results[0]["rows"],
        "seconds": mean(result["seconds"] for result in results),
    }


def table(summary: Summary) -> str:
    """Return the summary as Markdown, one table per group."""
    from tabulate import tabulate

    def cells(row: dict[str, Any]) -> list[object]:
        percents = (f"{100 * row[name]:.1f}" for name in ("accuracy", "deviation"))
        return [row["variant"], *percents, row["seeds"], f"{row['rows']:,}"]

    headers, align = ["accuracy", "± sd", "seeds", "training rows"], ["left", *["right"] * 4]
    return "\n".join(
        tabulate(map(cells, rows), [title, *headers], tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"
        for title, rows in summary.items()
    )


def picture(summary: Summary) -> str:
    """Return the summary as SVG: one panel per group, one dot per variant, error bars of one standard deviation."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import INK, SERIES, draw, percent_axis

    heights = [len(rows) + 1.2 for rows in summary.values()]

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(summary), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (title, rows) in zip(panels, summary.items(), strict=True):
            places, accuracies = range(len(rows)), [row["accuracy"] for row in rows]
            axes.errorbar(accuracies, places, xerr=[row["deviation"] for row in rows], fmt="o", color=SERIES[0])
            for place in enumerate(accuracies):
                text = f"{100 * place[1]:.1f}"
                axes.annotate(text, place[::-1], (0, 5), textcoords="offset points", ha="center", color=INK, fontsize=8)
            axes.set_yticks(places, [row["variant"] for row in rows])
            axes.set(title=title, ylim=(len(rows) - 0.4, -0.8))
        percent_axis(panels[-1], "x")
        panels[-1].set_xlabel("accuracy on the validation rows")

    best = {title: max(rows, key=lambda row: row["accuracy"]) for title, rows in summary.items()}
    alt = "; ".join(f"{title}: {row['variant']} is highest with {row['accuracy']:.1%}" for title, row in best.items())
    return draw("ablation", alt, paint, width=7.5, height=1 + 0.27 * sum(heights))


OPTIONS = INPUT_OPTIONS | {
    "--vectors": {"type": Path, "action": "append", "default": [], "help": "further GloVe vectors to compare"},
    "--grid": {"type": Path, "default": GRID, "help": "what to train (default: pipelines/ablation.toml)"},
    "--train-rows": {"type": count, "help": "training rows of a run, instead of the grid's"},
    "--seeds": {"type": count, "nargs": "+", "help": "seeds, instead of the grid's"},
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
