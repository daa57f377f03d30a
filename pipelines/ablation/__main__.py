"""Train a declared grid of settings, each with several seeds: `models/<profile>/ablation/` (can be interrupted)."""

import argparse
import logging
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from pipelines.ablation import grid as ablation
from pipelines.ablation.runs import ResultLog, Run, as_pairs, execute, make_run, work_folder
from pipelines.shared import publishing, stage
from sentiment.common.plain_data import from_dict
from sentiment.errors import SettingsError

GRID = Path(__file__).parent / "grid.toml"
_VECTORS = "GloVe vectors"


def run(this: stage.Stage) -> None:
    """Train what has no result yet, in an order that shares preprocessing; write table and picture."""
    for path in (this.arguments.corpus, this.arguments.glove, *this.arguments.vectors):
        publishing.require_input(path, "--corpus, --glove or --vectors")
    grid = read_grid(this)
    folder = this.places.model / "ablation"
    folder.mkdir(parents=True, exist_ok=True)
    log = ResultLog(folder / "results.jsonl", this)
    runs = set(runs_of(grid, this.arguments))
    missing = sorted((each for each in runs if log.find(each) is None), key=lambda each: (each.shared, each.pairs))
    stage.log.info("%d runs, %d of them done", len(runs), len(runs) - len(missing))
    try:
        _train_all(this, missing, log)
    finally:
        _write(folder, done := summary(grid, this.arguments, log))
    sys.stdout.write(ablation.table(done))


def _train_all(this: stage.Stage, missing: list[Run], log: ResultLog) -> None:
    with logging_redirect_tqdm([logging.getLogger()]), tqdm(missing, unit="run", disable=None) as bar:
        for i, each in enumerate(bar):
            log.add(each, result := execute(this, each))
            stage.log.info("%.4f seed %d %s %s", result.accuracy, each.seed, each.glove.name, " ".join(each.pairs))
            if i + 1 == len(missing) or missing[i + 1].shared != each.shared:
                shutil.rmtree(work_folder(this, each), ignore_errors=True)


def read_grid(this: stage.Stage) -> ablation.Grid:
    """The grid, narrowed by the command line, with every variant's settings checked.

    Raises:
        SettingsError: it is not TOML, holds something else than a grid, or a variant's settings are wrong.
    """
    path = this.arguments.grid
    try:
        data = tomllib.loads(publishing.require_input(path, "--grid").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file ({error})") from error
    given = {"train_rows": this.arguments.train_rows, "seeds": this.arguments.seeds}
    grid = from_dict(ablation.Grid, data | {name: value for name, value in given.items() if value is not None})
    for group in grid.groups:
        for variant in group.variants.values():
            stage.make_settings(this.profile, as_pairs(grid.overrides(variant)))
    return grid


def runs_of(grid: ablation.Grid, arguments: argparse.Namespace) -> Iterator[Run]:
    """Every run of the grid and of the further GloVe files; those of several groups come several times."""
    for _, _, overrides, glove in _variants(grid, arguments):
        yield from (make_run(overrides, glove, seed) for seed in grid.seeds)


def summary(grid: ablation.Grid, arguments: argparse.Namespace, log: ResultLog) -> ablation.Summary:
    """What is known so far."""
    groups: dict[str, dict[str, list[ablation.Result]]] = {}
    for title, name, overrides, glove in _variants(grid, arguments):
        found = (log.find(make_run(overrides, glove, seed)) for seed in grid.seeds)
        groups.setdefault(title, {})[name] = [result for result in found if result is not None]
    return ablation.summarise(groups)


def _variants(
    grid: ablation.Grid, arguments: argparse.Namespace
) -> Iterator[tuple[str, str, ablation.Overrides, Path]]:
    """Title, name, overrides and GloVe file of each variant."""
    for group in grid.groups:
        for name, variant in group.variants.items():
            yield group.title, name, grid.overrides(variant), arguments.glove
    if arguments.vectors:
        yield _VECTORS, arguments.glove.name, grid.overrides({}), arguments.glove
    for glove in arguments.vectors:  # of whatever dimension it is
        yield _VECTORS, glove.name, grid.overrides({"embedding.dimension": 0, "embedding.member": ""}), glove


def _write(folder: Path, done: ablation.Summary) -> None:
    if any(done.values()):
        data = {title: [asdict(row) for row in rows] for title, rows in done.items()}
        publishing.write_json(folder / "ablation.json", data)
        publishing.write_text(folder / "ablation.md", ablation.table(done))
        publishing.write_text(folder / "ablation.svg", ablation.picture(done))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--corpus", type=Path, required=True, help="labelled CSV")
    parser.add_argument("--glove", type=Path, required=True, help="GloVe vectors")
    parser.add_argument("--vectors", type=Path, action="append", default=[], help="further GloVe vectors to compare")
    parser.add_argument("--grid", type=Path, default=GRID, help="what to train (default: pipelines/ablation/grid.toml)")
    parser.add_argument("--train-rows", type=int, help="training rows of a run, instead of the grid's")
    parser.add_argument("--seeds", type=int, nargs="+", help="seeds, instead of the grid's")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
