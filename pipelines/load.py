"""Stage 1: a labelled CSV, or several (`[[corpora]]`), becomes a deduplicated, split corpus (`tweets.parquet`)."""

import argparse
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.shared import publishing, stage
from pipelines.shared.corpus_files import open_corpus
from sentiment.settings import CorpusSettings

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from sentiment.data.corpus import CorpusReader, LabelledTexts, ReadingReport
    from sentiment.data.splitting import Split


_PIPED = "standard-input"


class Source(NamedTuple):
    """A labelled file: its ``path``, its ``name`` (``-`` is standard input), how it is read, what its rows count."""

    path: Path
    name: str
    settings: CorpusSettings
    weight: float = 1.0


class ReadRows(NamedTuple):
    """What is kept of the rows read, beside their texts.

    Attributes:
        reports: of each corpus.
        hashes: uint64 ``(n,)``.
        labels: uint8 ``(n,)``, numbered as the classes of the settings.
        corpora: uint8 ``(n,)``: which corpus a row is of.
    """

    reports: "list[ReadingReport]"
    hashes: "np.ndarray"
    labels: "np.ndarray"
    corpora: "np.ndarray"


def run(this: stage.Stage) -> None:
    """Read, deduplicate, split, write."""
    import numpy as np

    from sentiment.data.seen import SEEN, seen_hashes
    from sentiment.data.splitting import split

    with publishing.publish(this.places.interim, last="tweets.parquet") as staging:
        spool = staging / "spool.arrow"
        sources = _sources(this, staging)
        read = _spool(sources, list(this.settings.corpus.labels), spool)
        parts = split(read.hashes, read.labels, this.settings.split)
        classes = np.unique(read.labels).tolist()
        _write_parts(spool, parts, classes, staging / "tweets.parquet", read.corpora if len(sources) > 1 else None)
        spool.unlink()
        np.save(staging / SEEN, seen_hashes(read.hashes, parts))
        report = _report(read, parts, classes, list(this.settings.corpus.labels))
        report |= {"source": sources[0].name, "source_sha256": publishing.sha256(sources[0].path)}
        if len(sources) > 1:
            report["corpora"] = [_counted(i, source, read, parts) for i, source in enumerate(sources)]
        (staging / _PIPED).unlink(missing_ok=True)
        publishing.write_json(staging / "load.json", report)
    stage.log.info(
        "%(rows)d rows: %(ignored)d of ignored classes, %(bad)d bad, %(duplicates)d duplicates and "
        "%(contradictions)d contradictory ones left out",
        report,
    )
    if parts.settings != this.settings.split:
        stage.log.info("held out for validation %(validation)g and for the test %(test)g of them", report["split"])
    if report["bad"]:
        stage.log.info("the first bad row: %s", report["first_bad"])
    stage.log.info("kept %s", "; ".join(f"{part}: {counts}" for part, counts in report["parts"].items()))


def _sources(this: stage.Stage, staging: Path) -> list[Source]:
    """The files to read: those of the profile, or the one that is given; standard input is kept in ``staging``."""
    from sentiment.errors import SettingsError

    given = this.arguments.corpus
    if corpora := this.settings.corpora:
        if given is not None:
            raise SettingsError(f"--corpus {given}: this profile names its corpora itself; leave CORPUS out")
        paths = [publishing.require_input(Path(each.file), "file = in [[corpora]]") for each in corpora]
        return [Source(path, str(path), each.corpus, each.weight) for path, each in zip(paths, corpora, strict=True)]
    piped = str(given) == "-"
    default = this.places.raw / "corpus.csv"
    path = stage.input_file(_spooled(staging) if piped else given, default, "CORPUS=file (--corpus file)")
    return [Source(path, "-" if piped else str(path), this.settings.corpus)]


def _spooled(folder: Path) -> Path:
    """Standard input as a file in ``folder``, since a corpus is read and then hashed."""
    path = folder / _PIPED
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def _spool(sources: list[Source], classes: list[str], spool: Path) -> ReadRows:
    """Write the texts to ``spool`` as they are read.

    Only hashes, labels and which corpus a row is of stay in memory, so that the corpora may be larger than it.
    """
    import numpy as np
    import pyarrow as pa

    from sentiment.data.corpus import CorpusReader

    schema = pa.schema({"text": pa.string(), "label": pa.uint8()})
    read = ReadRows([], *(np.zeros(0, dtype) for dtype in (np.uint64, np.uint8, np.uint8)))
    with pa.OSFile(str(spool), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for source in sources:
            with open_corpus(source.path, source.settings) as file:
                reader = CorpusReader(file, source.settings, "standard input" if source.name == "-" else source.name)
                hashes, labels = _spool_one(reader, classes, writer)
            number = np.full(len(labels), len(read.reports), np.uint8)
            read = ReadRows(
                [*read.reports, reader.report],
                np.concatenate([read.hashes, hashes]),
                np.concatenate([read.labels, labels]),
                np.concatenate([read.corpora, number]),
            )
    return read


def _spool_one(
    reader: "CorpusReader", classes: list[str], writer: "pa.RecordBatchWriter"
) -> "tuple[np.ndarray, np.ndarray]":
    """Write the rows of one corpus; return hashes uint64 and labels uint8, numbered as ``classes``, each ``(n,)``."""
    import numpy as np
    import pyarrow as pa

    from sentiment.common.parallel import ordered_map
    from sentiment.data.splitting import hash_texts

    number = np.array([classes.index(name) for name in reader.settings.labels], np.uint8)

    def hashed(batch: "LabelledTexts") -> "tuple[pa.Array, np.ndarray, np.ndarray]":
        texts = pa.array(batch.texts, pa.string())
        return texts, hash_texts(texts), number[batch.labels]

    hashes, labels = [], []
    for texts, text_hashes, numbers in ordered_map(hashed, reader):
        hashes.append(text_hashes)
        labels.append(numbers)
        writer.write_batch(pa.record_batch([texts, pa.array(numbers)], names=["text", "label"]))
        stage.log.info("%d rows read", reader.report.rows)
    return np.concatenate(hashes), np.concatenate(labels)


def _write_parts(spool: Path, parts: "Split", classes: list[int], target: Path, corpora: "np.ndarray | None") -> None:
    """Copy the rows that were kept, with their part, and labels counted over the classes that occur.

    ``corpora`` ``(n,)``, where there are several, becomes a column of its own.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sentiment.data.splitting import DROPPED

    names = ["text", "label", "part", *(["corpus"] if corpora is not None else [])]
    schema = pa.schema([(name, pa.string() if name == "text" else pa.uint8()) for name in names])
    start = 0
    with pa.memory_map(str(spool)) as mapped, pq.ParquetWriter(target, schema) as writer:
        batches = pa.ipc.open_file(mapped)
        for i in range(batches.num_record_batches):
            batch = batches.get_batch(i)
            here = slice(start, start + batch.num_rows)
            start, part = here.stop, parts.part[here]
            labels = np.searchsorted(classes, batch.column("label").to_numpy()).astype(np.uint8)
            more = [] if corpora is None else [pa.array(corpora[here])]
            rows = pa.record_batch([batch.column("text"), pa.array(labels), pa.array(part), *more], schema=schema)
            writer.write_batch(rows.filter(pa.array(part != DROPPED)))


def _report(read: ReadRows, parts: "Split", classes: list[int], names: list[str]) -> dict[str, Any]:
    from sentiment.data.splitting import PARTS

    first_bad = next((report.first_bad for report in read.reports if report.bad), "")
    counts = {
        part: {names[label]: int(((parts.part == i) & (read.labels == label)).sum()) for label in classes}
        for i, part in enumerate(PARTS)
    }
    return {
        **{name: sum(getattr(report, name) for report in read.reports) for name in ("rows", "ignored", "bad")},
        "first_bad": first_bad,
        "duplicates": parts.duplicates,
        "contradictions": parts.contradictions,
        "split": asdict(parts.settings),
        "classes": [names[label] for label in classes],
        "parts": counts,
    }


def _counted(number: int, source: Source, read: ReadRows, parts: "Split") -> dict[str, Any]:
    """What is known of one corpus of several: its file, its weight, and how many of its rows came to which part."""
    from sentiment.data.splitting import PARTS

    kept = {part: int(((parts.part == i) & (read.corpora == number)).sum()) for i, part in enumerate(PARTS)}
    rows = read.reports[number].rows
    stage.log.info("%s: %d rows, weight %g, kept %s", source.name, rows, source.weight, kept)
    told = {"file": source.name, "sha256": publishing.sha256(source.path), "weight": source.weight}
    return told | {"rows": rows, "parts": kept}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument(
        "--corpus", type=Path, help="labelled table; - is standard input (default: data/raw/<profile>/corpus.csv)"
    )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
