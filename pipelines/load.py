"""Stage 1: read labelled tables, remove duplicates, and split them (`tweets.parquet`)."""

import shutil
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.shared import publishing, stage
from pipelines.shared.stage import make_engine, results
from sentiment.common.engines import Engine
from sentiment.data.splitting import PARTS, SEEN, Deal
from sentiment.data.table_files import TableFile, checksum, find_files, is_several
from sentiment.errors import InputError, SettingsError
from sentiment.prepare import cut_copies, split_corpus
from sentiment.prepare.spooling import Corpus, Spooled, file_tasks, gather, spool


def run(this: stage.Stage) -> None:
    """Read the corpora, remove duplicates, split into training, validation and test, and write tweets and a report."""
    with publishing.publish(this.places.interim, last="tweets.parquet") as staging:
        scratch = staging / "scratch"
        scratch.mkdir()
        corpora = _corpora(this, scratch)
        with make_engine(this.arguments) as engine:
            tasks, read = file_tasks(corpora), partial(spool, scratch, sorted(this.settings.corpus.labels))
            found = gather(corpora, tasks, results(engine, read, tasks, "files read"))
            report = _split(corpora, found, scratch, this, engine)
        shutil.rmtree(scratch)
        publishing.write_json(staging / "load.json", report)
    _tell(report, this)


def _corpora(this: stage.Stage, scratch: Path) -> list[Corpus]:
    """Return the profile's corpora, or else ``--corpus``. Standard input ("-") is first copied into ``scratch``."""
    given, settings = this.arguments.corpus, this.settings.corpus
    if corpora := this.settings.corpora:
        if given is not None:
            raise SettingsError(f"--corpus {given}: this profile names its corpora itself; leave CORPUS out")
        files = [_files(Path(each.file), Path(each.file), "file = in [[corpora]]") for each in corpora]
        return [Corpus(each.file, mine, each.corpus, each.weight) for each, mine in zip(corpora, files, strict=True)]
    if str(given) == "-":
        path = scratch / "standard-input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return [Corpus("-", (TableFile(path, "standard input", "-"),), settings)]
    default = this.places.raw / "corpus.csv"
    return [Corpus(str(given or default), _files(given, default, "CORPUS=file (--corpus file)"), settings)]


def _files(given: Path | None, default: Path, option: str) -> tuple[TableFile, ...]:
    if given is None or not is_several(given):
        given = stage.input_file(given, default, option)
    return tuple(find_files(given))


def _split(
    corpora: list[Corpus], found: list[Spooled], scratch: Path, this: stage.Stage, engine: Engine
) -> dict[str, Any]:
    """Remove duplicates, split the rows, write the tweets, and return the report.

    Each task handles the rows whose hashes are in one range, so that no task needs all rows in memory.
    """
    names = sorted(this.settings.corpus.labels)
    runs = split_corpus.Runs(scratch, tuple(run for each in found for run in each.runs), len(names))
    _join_cut_copies(runs, engine)
    which = split_corpus.hash_ranges(sum(run.rows for run in runs.runs))
    counted = results(engine, partial(split_corpus.count_range, runs), which, "duplicates found")
    kept = np.stack([each.kept for each in counted])
    left_out = {name: sum(getattr(each, name) for each in counted) for name in ("duplicates", "contradictions")}
    deal = _settle(kept.sum(axis=0), this, corpora, _read_counts(found) | left_out)
    before = np.cumsum(kept, axis=0) - kept
    dealings = list(zip(which, before, strict=True))
    dealt = sum(results(engine, partial(split_corpus.deal_range, runs, deal), dealings, "tweets dealt out"))
    classes = sorted(set().union(*(each.report.classes_seen for each in found)))
    parts = split_corpus.parts_of_runs(runs, which, np.stack([each.sizes for each in counted]))
    of_corpora = split_corpus.write_tweets(runs, parts, classes, len(corpora), scratch.parent / "tweets.parquet")
    split_corpus.write_seen(runs, which, scratch.parent / SEEN)
    outcome = left_out | {"split": asdict(deal.settings), "classes": [names[label] for label in classes]}
    shown = {name: names.index(name) for name in this.settings.corpus.labels if names.index(name) in classes}
    return _report(corpora, found, outcome | {"parts": _by_class(dealt, shown)}, of_corpora)


def _join_cut_copies(runs: split_corpus.Runs, engine: Engine) -> None:
    """Mark a truncated text, such as a long retweet, as a duplicate of the full text if the corpora have both."""
    if sum(results(engine, partial(cut_copies.note_cut, runs), runs.runs, "texts searched for cut ones")):
        results(engine, partial(cut_copies.note_whole, runs), runs.runs, "texts compared with cut ones")
        results(engine, partial(cut_copies.take_hashes, runs), runs.runs, "cut texts joined")


def _settle(kept: np.ndarray, this: stage.Stage, corpora: list[Corpus], told: dict[str, int]) -> Deal:
    """Decide how many of the distinct rows (``kept`` per class) go to training, validation and test.

    If there are too few rows, log ``told`` (the numbers of rows read and left out), and raise an InputError.
    """
    try:
        return Deal.settle(kept, this.settings.split, sorted(this.settings.corpus.labels))
    except InputError as error:
        _tell_counts(told)
        raise InputError(f"{', '.join(corpus.name for corpus in corpora)}: {error}") from error


def _read_counts(found: list[Spooled]) -> dict[str, int]:
    return {name: sum(getattr(each.report, name) for each in found) for name in ("rows", "ignored", "bad")}


def _by_class(counts: np.ndarray, classes: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return ``counts`` ``(n_parts, n_classes)`` as dictionaries: part (such as "train") to class to number of rows."""
    return {part: {name: int(counts[i, label]) for name, label in classes.items()} for i, part in enumerate(PARTS)}


def _report(
    corpora: list[Corpus], found: list[Spooled], outcome: dict[str, Any], of_corpora: np.ndarray
) -> dict[str, Any]:
    """Return the content of `load.json`, with an entry for each corpus if there are several."""
    first_bad = next((each.report.first_bad for each in found if each.report.bad), "")
    sums = [checksum(corpus.files, each.checksums) for corpus, each in zip(corpora, found, strict=True)]
    report: dict[str, Any] = {**_read_counts(found), "first_bad": first_bad}
    report |= outcome | {"source": corpora[0].name, "source_sha256": sums[0]}
    if len(corpora) > 1:
        report["corpora"] = [
            {"file": corpus.name, "sha256": mark, "weight": corpus.weight, "rows": each.report.rows,
             "parts": dict(zip(PARTS, parts, strict=True))}
            for corpus, each, mark, parts in zip(corpora, found, sums, of_corpora.tolist(), strict=True)
        ]  # fmt: skip
    return report


def _tell(report: dict[str, Any], this: stage.Stage) -> None:
    for corpus in report.get("corpora", []):
        stage.log.info("%(file)s: %(rows)d rows, weight %(weight)g, kept %(parts)s", corpus)
    _tell_counts(report)
    if report["split"] != asdict(this.settings.split):
        stage.log.info("held out for validation %(validation)g and for the test %(test)g of them", report["split"])
    if report["bad"]:
        stage.log.info("the first bad row: %s", report["first_bad"])
    stage.log.info("kept %s", "; ".join(f"{part}: {counts}" for part, counts in report["parts"].items()))


def _tell_counts(counts: dict[str, Any]) -> None:
    stage.log.info(
        "%(rows)d rows; left out: %(ignored)d of ignored classes, %(bad)d bad, %(duplicates)d duplicate, "
        "%(contradictions)d contradictory",
        counts,
    )


_CORPUS = "labelled table, folder of them or pattern; - is standard input (default: data/raw/<profile>/corpus.csv)"
OPTIONS = {"--corpus": {"type": Path, "help": _CORPUS}} | stage.ENGINE_OPTIONS

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
