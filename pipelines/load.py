"""Stage 1: a labelled CSV becomes a deduplicated, split corpus (`tweets.parquet`)."""

import argparse
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.shared import publishing, stage
from pipelines.shared.corpus_files import open_corpus

if TYPE_CHECKING:
    import numpy as np

    from sentiment.data.corpus import CorpusReader, LabelledTexts
    from sentiment.data.splitting import Split


def run(this: stage.Stage) -> None:
    """Read, deduplicate, split, write."""
    import numpy as np

    from sentiment.data.corpus import CorpusReader
    from sentiment.data.seen import SEEN, seen_hashes
    from sentiment.data.splitting import split

    default = this.places.raw / "corpus.csv"
    settings = this.settings.corpus
    with publishing.publish(this.places.interim, last="tweets.parquet") as staging:
        spool = staging / "spool.arrow"
        piped = str(this.arguments.corpus) == "-"
        source = stage.input_file(
            _spooled(staging) if piped else this.arguments.corpus, default, "CORPUS=file (--corpus file)"
        )
        with open_corpus(source, settings) as file:
            reader = CorpusReader(file, settings, "standard input" if piped else str(source))
            hashes, labels = _spool(reader, spool)
        parts = split(hashes, labels, this.settings.split)
        classes = sorted(reader.report.classes_seen)
        _write_parts(spool, parts, classes, staging / "tweets.parquet")
        spool.unlink()
        np.save(staging / SEEN, seen_hashes(hashes, parts))
        report = _report(reader, parts, labels, classes)
        report |= {"source": "-" if piped else str(source), "source_sha256": publishing.sha256(source)}
        if piped:
            source.unlink()
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


def _spooled(folder: Path) -> Path:
    """Standard input as a file in ``folder``, since a corpus is read and then hashed."""
    path = folder / "standard-input"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def _spool(reader: "CorpusReader", spool: Path) -> "tuple[np.ndarray, np.ndarray]":
    """Write texts and labels to ``spool`` as they are read; return hashes uint64 ``(n,)`` and labels uint8 ``(n,)``.

    Only these two stay in memory, so that the corpus may be larger than it.
    """
    import numpy as np
    import pyarrow as pa

    from sentiment.common.parallel import ordered_map
    from sentiment.data.splitting import hash_texts

    def hashed(batch: "LabelledTexts") -> "tuple[pa.Array, np.ndarray, np.ndarray]":
        texts = pa.array(batch.texts, pa.string())
        return texts, hash_texts(texts), batch.labels.astype(np.uint8)

    schema = pa.schema({"text": pa.string(), "label": pa.uint8()})
    hashes, labels = [], []
    with pa.OSFile(str(spool), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for texts, text_hashes, classes in ordered_map(hashed, reader):
            hashes.append(text_hashes)
            labels.append(classes)
            writer.write_batch(pa.record_batch([texts, pa.array(classes)], schema=schema))
            stage.log.info("%d rows read", reader.report.rows)
    return np.concatenate(hashes), np.concatenate(labels)


def _write_parts(spool: Path, parts: "Split", classes: list[int], target: Path) -> None:
    """Copy the rows that were kept, with their part, and labels counted over the classes that occur."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sentiment.data.splitting import DROPPED

    schema = pa.schema({"text": pa.string(), "label": pa.uint8(), "part": pa.uint8()})
    start = 0
    with pa.memory_map(str(spool)) as mapped, pq.ParquetWriter(target, schema) as writer:
        batches = pa.ipc.open_file(mapped)
        for i in range(batches.num_record_batches):
            batch = batches.get_batch(i)
            part = parts.part[start : start + batch.num_rows]
            start += batch.num_rows
            labels = np.searchsorted(classes, batch.column("label").to_numpy()).astype(np.uint8)
            rows = pa.record_batch([batch.column("text"), pa.array(labels), pa.array(part)], schema=schema)
            writer.write_batch(rows.filter(pa.array(part != DROPPED)))


def _report(reader: "CorpusReader", parts: "Split", labels: "np.ndarray", classes: list[int]) -> dict[str, Any]:
    from sentiment.data.splitting import PARTS

    names = list(reader.settings.labels)
    report = asdict(reader.report)
    del report["classes_seen"]
    counts = {
        part: {names[label]: int(((parts.part == i) & (labels == label)).sum()) for label in classes}
        for i, part in enumerate(PARTS)
    }
    return report | {
        "duplicates": parts.duplicates,
        "contradictions": parts.contradictions,
        "split": asdict(parts.settings),
        "classes": [names[label] for label in classes],
        "parts": counts,
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument(
        "--corpus", type=Path, help="labelled table; - is standard input (default: data/raw/<profile>/corpus.csv)"
    )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
