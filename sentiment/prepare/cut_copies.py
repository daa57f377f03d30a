"""Give each truncated text the hash of the full text, if the corpus contains the full text.

Retweets ("RT @name: ... …") and copies of long posts are often truncated. With equal hashes, a truncated copy and its
full text count as duplicates, so they never end up in different parts of the split. A text is truncated if it ends in
an ellipsis, which links may follow. Its complete words are all words except the last, which may be cut off. The full
text is the shortest text that begins with these complete words, because longer ones have something added.
"""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy, from_numpy, from_strings, read_table, write_table
from sentiment.common.parallel import ordered_map
from sentiment.data.splitting import duplicate_keys, hash_texts
from sentiment.prepare.split_corpus import Runs
from sentiment.prepare.spooling import Run, batches_of, write_sorted

ELLIPSIS = "…"
_CUT = rf"{ELLIPSIS}(?:\s*https?://\S*)*\s*$"
_LEAST = 32  # characters that a truncated text and its full text must share
_FULL = 1 << 40  # more than the length of any text
_WHOLE = np.dtype([("cut", np.int64), ("rank", np.int64), ("hash", np.uint64)])


def note_cut(runs: Runs, run: Run) -> int:
    """Write the index and the complete words of each truncated text in a run (block of rows on disk) to a file.

    Texts with fewer than ``_LEAST`` characters of complete words are left out. Return the number of texts written.
    """
    rows, keys, before = [np.zeros(0, np.int64)], [from_strings([])], 0
    for count, found, words in ordered_map(_cut_texts, batches_of(runs.folder, run)):
        rows.append(before + found)
        keys.append(words)
        before += count
    table = pa.table({"row": from_numpy(np.concatenate(rows)), "key": pa.concat_arrays(keys)})
    write_table(_file(runs, run, "cut.arrow"), table)
    return table.num_rows


def _cut_texts(batch: pa.RecordBatch) -> tuple[int, np.ndarray, pa.Array]:
    """Return the number of texts in ``batch``, and index and complete words of each truncated text."""
    texts = batch.column("text")
    if not pc.any(pc.match_substring(texts, ELLIPSIS)).as_py():
        return len(texts), np.zeros(0, np.int64), from_strings([])
    which = np.flatnonzero(as_numpy(pc.match_substring_regex(texts, _CUT)))
    words = pc.replace_substring_regex(duplicate_keys(texts.take(from_numpy(which))), r" ?[^ ]*$", "")
    long = np.flatnonzero(as_numpy(pc.utf8_length(words)) >= _LEAST)
    return len(texts), which[long], words.take(from_numpy(long))


def note_whole(runs: Runs, run: Run) -> None:
    """Write the hash of each text in a run that begins with the complete words of a truncated text in any run."""
    cut = pa.concat_tables([read_table(_file(runs, each, "cut.arrow")) for each in runs.runs])["key"].combine_chunks()
    starts, numbers, found = pc.utf8_slice_codeunits(cut, 0, _LEAST).unique(), defaultdict(list), []
    for number, words in enumerate(cut.to_pylist()):
        numbers[words].append(number)
    for batch in batches_of(runs.folder, run):
        texts, keys = batch.column("text"), duplicate_keys(batch.column("text"))
        may_be = pc.is_in(pc.utf8_slice_codeunits(keys, 0, _LEAST), starts)
        texts, keys = texts.filter(may_be), keys.filter(may_be)
        for key, hash_ in zip(keys.to_pylist(), hash_texts(texts).tolist(), strict=True):
            ends = [match.start() for match in re.finditer(r" |$", key)]
            found += [(number, _rank(key), hash_) for end in ends for number in numbers.get(key[:end], ())]
    np.save(_file(runs, run, "whole.npy"), np.array(found, _WHOLE))


def _rank(key: str) -> int:
    """Return the rank of a possible full text by its words, ``key``.

    The shortest full text ranks highest. Truncated texts rank lower, the longest of them first.
    """
    return len(key.rpartition(" ")[0]) if key.endswith(ELLIPSIS) else _FULL - len(key)


def take_hashes(runs: Runs, run: Run) -> None:
    """Replace the hash of each truncated text in a run (block of rows) by the hash of its full text."""
    earlier = runs.runs[: runs.runs.index(run)]
    before = sum(read_table(_file(runs, each, "cut.arrow")).num_rows for each in earlier)
    rows = as_numpy(read_table(_file(runs, run, "cut.arrow"))["row"].combine_chunks())
    if not len(rows):
        return
    files = (np.load(_file(runs, each, "whole.npy")) for each in runs.runs)
    end = before + len(rows)
    whole = np.concatenate([each[(before <= each["cut"]) & (each["cut"] < end)] for each in files])
    whole = whole[np.lexsort((whole["hash"], whole["rank"]))]
    old, labels, order = (np.load(runs.folder / f"{run.name}.{name}.npy") for name in ("hashes", "labels", "rows"))
    by_row, labels_by_row = np.empty_like(old), np.empty_like(labels)
    by_row[order], labels_by_row[order] = old, labels
    by_row[rows[whole["cut"] - before]] = whole["hash"]  # of several for one row, the last stays: the highest rank
    write_sorted(runs.folder, run.name, by_row, labels_by_row)


def _file(runs: Runs, run: Run, kind: str) -> Path:
    return runs.folder / f"{run.name}.{kind}"
