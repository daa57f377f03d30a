"""Stage 2: tweets become padded ids, and the lexicon that made them (`encoded.json` is written last).

Texts are normalised and tokenised once, into codes kept on disk; spaCy is asked once per distinct token; and the
codes then turn into ids by way of one table.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.shared import publishing, stage
from pipelines.shared.defaults import settle
from pipelines.shared.glove_files import glove_file, read_words
from pipelines.shared.parent import require_parent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from sentiment.common.ragged import Ragged
    from sentiment.text.counting import TypeCounter
    from sentiment.text.preprocessor import Preprocessor

_ROWS_PER_BATCH = 65_536


def run(this: stage.Stage) -> None:
    """Tokenise, build the lexicon, encode, write."""
    import numpy as np

    from sentiment.text.counting import TypeCounter
    from sentiment.text.lemmas import lexicon_entries
    from sentiment.text.lexicon import Lexicon, build_lexicon, count_seen, extend_lexicon
    from sentiment.text.preprocessor import LEXICON, Preprocessor, select_rules

    tweets = publishing.require(this.places.interim / "tweets.parquet")
    settings = settle(this, "preprocessing").settings.preprocessing
    parent = _parent(this)
    rules = parent.rules if parent else select_rules(settings)
    loaded = publishing.read_json(this.places.interim / "load.json")
    vector_words = [] if parent else _vector_words(this, settings.vector_words, rules)
    with publishing.publish(this.places.processed, last="encoded.json") as staging:
        counter = TypeCounter()
        spool = staging / "codes.bin"
        lengths, labels, parts = _spool_codes(tweets, rules, counter, spool)
        stage.log.info("%d distinct tokens; asking spaCy for their lemmas", len(counter.codes))
        counts = counter.training_counts()
        entries = lexicon_entries(counts, settings, vector_words)
        if parent:
            known = Lexicon(parent.lexicon.ids, parent.lexicon.vocabulary)
            lexicon, seen = extend_lexicon(known, parent.seen_ids, counts, entries, settings.min_count)
        else:
            lexicon = build_lexicon(entries, settings.min_count, settings.max_vocabulary)
            seen = count_seen(lexicon, entries)
        preprocessor = Preprocessor(rules, lexicon, settings.max_tokens, settings.padding, seen)
        codes = np.memmap(spool, np.int32, "r") if spool.stat().st_size else np.zeros(0, np.int32)
        ids_of_codes = lexicon.lookup(list(counter.codes))
        rows = _rows_of_ids(codes, lengths, ids_of_codes, preprocessor)
        report = _write_parts(rows, labels, parts, preprocessor, staging)
        spool.unlink()
        report |= {"classes": loaded["classes"], "vocabulary": len(lexicon.vocabulary)}
        report |= {"seen": seen, "surface_forms": len(lexicon.ids), "settings": asdict(settings)}
        preprocessor.save(staging)
        report["lexicon_sha256"] = publishing.sha256(staging / LEXICON)
        publishing.write_json(staging / "encoded.json", report)
    stage.log.info(
        "%(vocabulary)d lemmas, %(seen)d of them in training, %(surface_forms)d surface forms; "
        "%(tokens_per_tweet).1f tokens a tweet, %(unknown_share).1f%% of them unknown, %(cut)d tweets cut",
        report | {"unknown_share": 100 * report["unknown_share"]},
    )


def _parent(this: stage.Stage) -> "Preprocessor | None":
    """The text treatment of the model to start from, if there is one."""
    from pipelines.shared.artefacts import read_preprocessor

    if this.parent is None:
        return None
    require_parent(this.parent)
    return read_preprocessor(this.parent)


def _vector_words(this: stage.Stage, most: int, rules: "tuple") -> list[str]:
    """Words of the GloVe file that can be a token of a tweet, the most frequent first."""
    from sentiment.text.tokens import own_tokens

    if not most:
        return []
    glove = glove_file(this.arguments.glove, this.places.raw, this.profile)
    return own_tokens(read_words(glove, most, this.settings.embedding), rules)


def _spool_codes(
    tweets: Path, rules: "tuple", counter: "TypeCounter", spool: Path
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Write every token's code to ``spool`` (int32); return lengths, labels and parts of the rows, each ``(n,)``."""
    import numpy as np
    import pyarrow.parquet as pq

    from sentiment.common.parallel import ordered_map
    from sentiment.data.splitting import TRAIN
    from sentiment.text.tokens import tokenise

    def tokenised(batch: "pa.RecordBatch") -> tuple:
        return tokenise(batch.column("text"), rules), batch

    columns: list[tuple] = []
    with pq.ParquetFile(tweets) as source, spool.open("wb") as sink:
        for tokens, batch in ordered_map(tokenised, source.iter_batches(_ROWS_PER_BATCH)):
            part = batch.column("part").to_numpy()
            codes = counter.add(tokens, part == TRAIN)
            codes.values.tofile(sink)
            columns.append((codes.lengths, batch.column("label").to_numpy(), part))
            stage.log.info("%d of %d tweets tokenised", sum(len(c[0]) for c in columns), source.metadata.num_rows)
    lengths, labels, parts = (np.concatenate(column) for column in zip(*columns, strict=True))
    return lengths, labels, parts


def _rows_of_ids(
    codes: "np.ndarray", lengths: "np.ndarray", ids_of_codes: "np.ndarray", preprocessor: "Preprocessor"
) -> "Iterator[Ragged]":
    import numpy as np

    from sentiment.common.ragged import Ragged

    ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    for start in range(0, len(lengths), _ROWS_PER_BATCH):
        bounds = ends[start : start + _ROWS_PER_BATCH + 1]
        block = ids_of_codes[codes[bounds[0] : bounds[-1]]]
        yield preprocessor.shorten(Ragged(block, lengths[start : start + _ROWS_PER_BATCH]))


def _write_parts(
    rows: "Iterator[Ragged]", labels: "np.ndarray", parts: "np.ndarray", preprocessor: "Preprocessor", folder: Path
) -> dict:
    """Write ``<part>.ids.npy`` ``(n, max_tokens)`` in the smallest integer type, and ``<part>.labels.npy``."""
    import numpy as np

    from sentiment.data.splitting import PARTS
    from sentiment.text.lexicon import UNKNOWN

    dtype = np.min_scalar_type(len(preprocessor.lexicon.vocabulary) - 1)
    sizes = np.bincount(parts, minlength=len(PARTS))
    shape = preprocessor.max_tokens
    targets = [
        _new_array(folder / f"{name}.ids.npy", dtype, (int(size), shape))
        for name, size in zip(PARTS, sizes, strict=True)
    ]
    filled, start, tokens, unknown, cut = [0] * len(PARTS), 0, 0, 0, 0
    for block in rows:
        ids, part = preprocessor.pad(block), parts[start : start + len(block.lengths)]
        start += len(part)
        for i, target in enumerate(targets):
            mine = ids[part == i]
            target[filled[i] : filled[i] + len(mine)] = mine
            filled[i] += len(mine)
        tokens, unknown = tokens + len(block.values), unknown + int((block.values == UNKNOWN).sum())
        cut += int((block.lengths == preprocessor.max_tokens).sum())
    for i, (name, target) in enumerate(zip(PARTS, targets, strict=True)):
        target.flush()
        np.save(folder / f"{name}.labels.npy", labels[parts == i])
    tweets = max(1, len(labels))
    return {"tokens_per_tweet": tokens / tweets, "unknown_share": unknown / max(1, tokens), "cut": cut}


def _new_array(path: Path, dtype: "np.dtype", shape: tuple[int, int]) -> "np.memmap":
    """An array on disk whose space is taken at once: on a full disk, writing to it later would end the process."""
    import numpy as np

    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("--glove", type=Path, help="GloVe vectors, whose words get an id too (see vector_words)")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
