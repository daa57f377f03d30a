"""Train a grid of settings with several seeds each (`models/<profile>/ablation/`). Interrupted runs can be resumed."""

import argparse
import csv
import logging
import shutil
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from pipelines.shared import profiles, publishing, stage
from pipelines.shared.repeated_runs import (
    INPUT_OPTIONS,
    RepeatedRun,
    check_inputs,
    checksum,
    digest,
    kept,
    work_folder,
)
from sentiment.errors import SettingsError
from sentiment.settings_checks import from_dict

Overrides = dict[str, Any]
GRID = Path(__file__).with_suffix(".toml")
_VECTORS = "GloVe vectors"
# Only training depends on these sections, so runs that differ in nothing else share ids and matrix.
_OF_TRAINING = ("network.", "training.")


@dataclass(frozen=True, slots=True)
class GridGroup:
    """A question (``title``) and its ``variants``: each variant's name, and the settings that the variant overrides."""

    title: str
    variants: dict[str, Overrides]


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
    settings: Overrides = field(default_factory=dict)

    def overrides(self, variant: Overrides) -> Overrides:
        """Return all settings in which a run of ``variant`` differs from the profile."""
        return {"split.train_rows": self.train_rows} | self.settings | variant


@dataclass(frozen=True, slots=True)
class AblationResult:
    """One training run: validation accuracy and loss after the best epoch, numbers of rows, and duration."""

    accuracy: float
    loss: float
    rows: int
    validation_rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AblationRow:
    """The mean accuracy of a variant over its seeds, with the sample standard deviation (0 for one seed)."""

    variant: str
    accuracy: float
    deviation: float
    seeds: int
    rows: int
    seconds: float


Summary = dict[str, list[AblationRow]]


class GridRun(NamedTuple):
    """One training run: its question, the variant's name, the settings it overrides, its GloVe file and its seed."""

    title: str
    variant: str
    pairs: tuple[str, ...]
    glove: Path | None
    seed: int

    @property
    def identity(self) -> str:
        """Return a digest of overrides, GloVe file and seed. Runs of one grid with the same digest are the same run."""
        return digest(self.pairs, self._vectors, self.seed)

    @property
    def shared(self) -> str:
        """Return a digest of all that determines ids and embedding matrix. Runs with the same digest share both."""
        return digest([pair for pair in self.pairs if not pair.startswith(_OF_TRAINING)], self._vectors)

    @property
    def _vectors(self) -> str:
        return checksum(self.glove) if self.glove else ""


def run(this: stage.Stage) -> None:
    """Train the runs that have no result yet, then write a table and a chart.

    Runs with the same ids are trained one after the other, so that the tweets are preprocessed once.
    """
    check_inputs(this)
    grid, folder, work = read_grid(this), this.places.model / "ablation", work_folder(this, "ablation")
    runs, results = list(runs_of(grid, this.arguments)), folder / "results" / work.name
    todo = sorted({each.identity: each for each in runs if not _path(results, each).exists()}.values(), key=_order)
    stage.log.info("%d runs, %d to make", len({each.identity for each in runs}), len(todo))
    try:
        _train_all(this, todo, results, work)
    finally:
        _write(folder, done := summary(runs, results))
    shutil.rmtree(work, ignore_errors=True)
    sys.stdout.write(table(done))


def _order(each: GridRun) -> tuple[str, ...]:
    return (each.shared, *each.pairs, str(each.seed))


def _path(results: Path, each: GridRun) -> Path:
    return results / f"{each.identity}.json"


def _train_all(this: stage.Stage, todo: list[GridRun], results: Path, work: Path) -> None:
    with logging_redirect_tqdm([logging.getLogger()]), tqdm(todo, unit="run", disable=None) as bar:
        for i, each in enumerate(bar):
            root = work / each.shared
            result = kept(_path(results, each), partial(execute, this, root, each))
            stage.log.info("%.4f seed %d %s %s", result["accuracy"], each.seed, each.glove, " ".join(each.pairs))
            if i + 1 == len(todo) or todo[i + 1].shared != each.shared:
                shutil.rmtree(root, ignore_errors=True)


def execute(this: stage.Stage, root: Path, each: GridRun) -> dict[str, Any]:
    """Make the ids, train the network of the run ``each``, and return its :class:`AblationResult` as a dictionary."""
    made = RepeatedRun(this, root, each.pairs, each.glove, this.base_model)
    made.make_ids()
    start = time.monotonic()
    replace(made, pairs=(*each.pairs, f"training.seed={each.seed}")).run("train")
    seconds, model = time.monotonic() - start, made.places.model
    trained = publishing.read_json(model / "training.json", "make ablation")
    with (model / "history.csv").open(encoding="utf-8", newline="") as file:
        best = list(csv.DictReader(file))[trained["best_epoch"] - 1]
    rows = {part: sum(counts.values()) for part, counts in trained["rows"].items()}
    accuracy, loss = float(best["val_accuracy"]), float(best["val_loss"])
    return asdict(AblationResult(accuracy, loss, rows["train"], rows["validation"], seconds))


def read_grid(this: stage.Stage) -> Grid:
    """Read the grid, apply ``--train-rows`` and ``--seeds``, and check the settings of every variant.

    Raises:
        SettingsError: the file is not TOML or not a grid, or the settings of a variant are wrong.
    """
    path = this.arguments.grid
    try:
        data = tomllib.loads(publishing.require_input(path, "--grid").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file ({error})") from error
    given = {"train_rows": this.arguments.train_rows, "seeds": this.arguments.seeds}
    grid = from_dict(Grid, data | {name: value for name, value in given.items() if value is not None})
    for group in grid.groups:
        for variant in group.variants.values():
            profiles.make_settings(this.profile, as_pairs(grid.overrides(variant)))
    return grid


def as_pairs(overrides: Overrides) -> tuple[str, ...]:
    """Return overrides as sorted ``section.key=value`` texts, the format of ``--set``."""
    return tuple(sorted(f"{name}={profiles.toml_value(value)}" for name, value in overrides.items()))


def runs_of(grid: Grid, arguments: argparse.Namespace) -> Iterator[GridRun]:
    """Yield the runs of the grid, one per variant and seed, and then one per seed and GloVe file in ``--vectors``."""
    variants = [
        (group.title, name, grid.overrides(variant), arguments.glove)
        for group in grid.groups
        for name, variant in group.variants.items()
    ]
    if arguments.vectors:
        variants.append((_VECTORS, arguments.glove.name, grid.overrides({}), arguments.glove))
    any_dimension = grid.overrides({"embedding.dimension": 0, "embedding.member": ""})
    variants += [(_VECTORS, glove.name, any_dimension, glove) for glove in arguments.vectors]
    for title, name, overrides, glove in variants:
        yield from (GridRun(title, name, as_pairs(overrides), glove, seed) for seed in grid.seeds)


def summary(runs: list[GridRun], results: Path) -> Summary:
    """Return the mean results of the finished runs, by group and variant."""
    groups: dict[str, dict[str, list[AblationResult]]] = {}
    for each in runs:
        found = groups.setdefault(each.title, {}).setdefault(each.variant, [])
        if _path(results, each).exists():
            found.append(AblationResult(**publishing.read_json(_path(results, each))))
    return summarise(groups)


def _write(folder: Path, done: Summary) -> None:
    if any(done.values()):
        data = {title: [asdict(row) for row in rows] for title, rows in done.items()}
        publishing.write_json(folder / "ablation.json", data)
        publishing.write_text(folder / "ablation.md", table(done))
        publishing.write_text(folder / "ablation.svg", picture(done))


def summarise(groups: Mapping[str, Mapping[str, Sequence[AblationResult]]]) -> Summary:
    """Return one row per variant, in the groups of the grid. Variants without results are omitted.

    ``groups`` has the results by the group's title and the variant's name.
    """
    return {
        title: [_row(name, results) for name, results in variants.items() if results]
        for title, variants in groups.items()
    }


def _row(name: str, results: Sequence[AblationResult]) -> AblationRow:
    accuracies = [result.accuracy for result in results]
    deviation = stdev(accuracies) if len(results) > 1 else 0.0
    seconds = mean(result.seconds for result in results)
    return AblationRow(name, mean(accuracies), deviation, len(results), results[0].rows, seconds)


def table(summary: Summary) -> str:
    """Return the summary as Markdown, one table per group."""
    from tabulate import tabulate

    def cells(row: AblationRow) -> list[object]:
        return [row.variant, f"{100 * row.accuracy:.1f}", f"{100 * row.deviation:.1f}", row.seeds, f"{row.rows:,}"]

    headers, align = ["accuracy", "± sd", "seeds", "training rows"], ["left", *["right"] * 4]
    return "\n".join(
        tabulate(map(cells, rows), [title, *headers], tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"
        for title, rows in summary.items()
    )


def picture(summary: Summary) -> str:
    """Return the summary as SVG: one panel per group, one dot per variant, error bars of one standard deviation."""
    from matplotlib.figure import Figure

    from sentiment.report.svg import draw, percent_axis

    shown = {title: rows for title, rows in summary.items() if rows}
    heights = [len(rows) + 1.2 for rows in shown.values()]

    def paint(figure: Figure) -> None:
        panels = figure.subplots(len(shown), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, (title, rows) in zip(panels, shown.items(), strict=True):
            _paint_group(axes, title, rows)
        percent_axis(panels[-1], "x")
        panels[-1].set_xlabel("accuracy on the validation rows")

    best = {title: max(rows, key=lambda row: row.accuracy) for title, rows in shown.items()}
    alt = "; ".join(f"{title}: {row.variant} is highest with {row.accuracy:.1%}" for title, row in best.items())
    return draw("ablation", alt, paint, width=7.5, height=1 + 0.27 * sum(heights))


def _paint_group(axes: Any, title: str, rows: Sequence[AblationRow]) -> None:
    from sentiment.report.svg import INK, SERIES

    places = range(len(rows))
    deviations = [row.deviation for row in rows]
    axes.errorbar([row.accuracy for row in rows], places, xerr=deviations, fmt="o", color=SERIES[0])
    for place, row in zip(places, rows, strict=True):
        axes.annotate(
            f"{100 * row.accuracy:.1f}", (row.accuracy, place), (0, 5), textcoords="offset points",
            ha="center", color=INK, fontsize=8,
        )  # fmt: skip
    axes.set_yticks(places, [row.variant for row in rows])
    axes.set(title=title, ylim=(len(rows) - 0.4, -0.8))


OPTIONS = INPUT_OPTIONS | {
    "--vectors": {"type": Path, "action": "append", "default": [], "help": "further GloVe vectors to compare"},
    "--grid": {"type": Path, "default": GRID, "help": "what to train (default: pipelines/ablation.toml)"},
    "--train-rows": {"type": int, "help": "training rows of a run, instead of the grid's"},
    "--seeds": {"type": int, "nargs": "+", "help": "seeds, instead of the grid's"},
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
