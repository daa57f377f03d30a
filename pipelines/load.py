"""Stage 1: labelled tables become a deduplicated, split corpus (`tweets.parquet`)."""

import argparse
import shutil
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.shared import publishing, stage
from pipelines.shared.engine_options import add_engine_arguments, make_engine, results

if TYPE_CHECKING:
    import numpy as np

    from sentiment.common.engines import Engine
    from sentiment.data.splitting import Deal
    from sentiment.prepare.corpus import CorpusFile
    from sentiment.prepare.reading import Spooled


def run(this: stage.Stage) -> None:
    """Read, deduplicate, split, write."""
    from sentiment.prepare.corpus import checksum

    with publishing.publish(this.places.interim, last="tweets.parquet") as staging:
        scratch = staging / "scratch"
        scratch.mkdir()
        files = _files(this, scratch)
        with make_engine(this.arguments) as engine:
            spooled = _read(files, scratch, this, engine)
            report = _split(spooled, scratch, this, engine)
        shutil.rmtree(scratch)
        report |= {"source": str(_corpus(this)), "source_sha256": checksum(files, spooled.checksums)}
        publishing.write_json(staging / "load.json", report)
    _tell(report, this)


def _corpus(this: stage.Stage) -> Path:
    return this.arguments.corpus or this.places.raw / "corpus.csv"


def _files(this: stage.Stage, scratch: Path) -> "list[CorpusFile]":
    """The files of the corpus; standard input becomes one, since a corpus is read and then hashed."""
    from sentiment.prepare.corpus import CorpusFile, find_files

    corpus = _corpus(this)
    if str(corpus) != "-":
        if not (corpus.is_dir() or set("*?[") & set(str(corpus))):
            stage.input_file(this.arguments.corpus, corpus, "CORPUS=file (--corpus file)")
        return find_files(corpus)
    path = scratch / "standard-input"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return [CorpusFile(path, "standard input", "-")]


def _read(files: "list[CorpusFile]", scratch: Path, this: stage.Stage, engine: "Engine") -> "Spooled":
    from sentiment.prepare.corpus import file_tasks
    from sentiment.prepare.reading import Job, gather, spool

    job = Job(scratch, this.settings.corpus, len(files))
    return gather(job, results(engine, partial(spool, job), file_tasks(files), "files read"))


def _split(spooled: "Spooled", scratch: Path, this: stage.Stage, engine: "Engine") -> dict[str, Any]:
    """Split what was read and write what is kept, a range of hashes at a time; returns the report."""
    import numpy as np

    from sentiment.data.seen import SEEN
    from sentiment.data.splitting import Deal
    from sentiment.prepare import ranges
    from sentiment.prepare.tweets import write_tweets

    names = list(this.settings.corpus.labels)
    runs = ranges.Runs(scratch, tuple(spooled.runs), len(names))
    which = ranges.hash_ranges(sum(run.rows for run in runs.runs))
    counted = results(engine, partial(ranges.count_range, runs), which, "duplicates found")
    kept = np.stack([each.kept for each in counted])
    deal = Deal.settle(kept.sum(axis=0), this.settings.split)
    before = np.cumsum(kept, axis=0) - kept
    dealings = [ranges.Dealing(each, deal, before[each.number]) for each in which]
    counts = sum(results(engine, partial(ranges.deal_range, runs), dealings, "tweets dealt out"))
    classes = sorted(spooled.report.classes_seen)
    parts = ranges.parts_of_runs(runs, which, np.stack([each.sizes for each in counted]))
    write_tweets(runs, parts, classes, scratch.parent / "tweets.parquet")
    ranges.write_seen(runs, which, scratch.parent / SEEN)
    left_out = {name: sum(getattr(each, name) for each in counted) for name in ("duplicates", "contradictions")}
    return _report(spooled, left_out, deal, counts, [(label, names[label]) for label in classes])


def _report(
    spooled: "Spooled", left_out: dict[str, int], deal: "Deal", counts: "np.ndarray", classes: list[tuple[int, str]]
) -> dict[str, Any]:
    from sentiment.data.splitting import PARTS

    report = asdict(spooled.report)
    del report["classes_seen"]
    parts = {part: {name: int(counts[i, label]) for label, name in classes} for i, part in enumerate(PARTS)}
    split = asdict(deal.settings)
    return report | left_out | {"split": split, "classes": [name for _, name in classes], "parts": parts}


def _tell(report: dict[str, Any], this: stage.Stage) -> None:
    stage.log.info(
        "%(rows)d rows: %(ignored)d of ignored classes, %(bad)d bad, %(duplicates)d duplicates and "
        "%(contradictions)d contradictory ones left out",
        report,
    )
    if report["split"] != asdict(this.settings.split):
        stage.log.info("held out for validation %(validation)g and for the test %(test)g of them", report["split"])
    if report["bad"]:
        stage.log.info("the first bad row: %s", report["first_bad"])
    stage.log.info("kept %s", "; ".join(f"{part}: {counts}" for part, counts in report["parts"].items()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument(
        "--corpus", type=Path,
        help="labelled table, folder of them or pattern; - is standard input (default: data/raw/<profile>/corpus.csv)",
    )  # fmt: skip
    add_engine_arguments(parser)


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
