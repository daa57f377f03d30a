"""From what the user names to parts: what is small stays whole, what is large is cut where rows end."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from posixpath import commonpath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from sentiment.common.engines import Engine
from sentiment.common.parallel import ordered_map
from sentiment.common.stores import Listing, list_input
from sentiment.common.table_files import SUFFIXES
from sentiment.data.batches import Reading, csv_layout
from sentiment.data.tables import HEAD_BYTES
from sentiment.errors import InputError
from sentiment.score import borders
from sentiment.score.extracts import readable
from sentiment.score.parts import (
    BYTES_PER_PART,
    ROWS_PER_PART,
    Cut,
    InputFile,
    Part,
    input_files,
    require_distinct,
    row_borders,
    stretches,
    whole,
)

SMALLEST_SPLIT = 3 * BYTES_PER_PART // 2
_LINE_BLOCK_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that is to be scored: ``files`` by name, and what reads them."""

    system: fs.FileSystem
    files: tuple[InputFile, ...]


def find_inputs(places: Sequence[str]) -> Inputs:
    """What files, folders and patterns name.

    Raises:
        InputError: one names nothing, or they lie in more than one store.
    """
    listings = [list_input(place, SUFFIXES) for place in places]
    if any(listing.system != listings[0].system for listing in listings):
        raise InputError("expected inputs of one store, received several: run the command once for each")
    return Inputs(listings[0].system, tuple(input_files(listings, _common(listings))))


def _common(listings: Sequence[Listing]) -> str:
    """What names are relative to: the same for the same arguments, whatever files there are meanwhile."""
    return commonpath([listing.base for listing in listings])


def plan(inputs: Inputs, suffix: str, reading: Reading, engine: Engine) -> list[Part]:
    """All parts, by input; ``suffix`` as :func:`sentiment.score.parts.whole`.

    Raises:
        InputError: two of them would get one name.
    """
    large = [file for file in inputs.files if file.size >= SMALLEST_SPLIT and not file.is_packed]
    rows = _rows_of([file for file in large if file.kind == "parquet"], inputs.system)
    cuts = {file: Cut("rows", row_borders(n)) for file, n in rows.items() if n >= 3 * ROWS_PER_PART // 2}
    cuts |= {file: _lines_cut(file, inputs.system) for file in large if file.kind == "jsonl"}
    if codecs.lookup(reading.encoding).name in borders.SPLITTABLE:
        cuts |= _csv_cuts([file for file in large if file.kind in ("csv", "tsv")], inputs.system, reading, engine)
    parts = [
        part
        for file in inputs.files
        for part in (stretches(file, suffix, cuts[file]) if file in cuts else [whole(file, suffix)])
    ]
    require_distinct(parts)
    return parts


def _rows_of(files: Sequence[InputFile], system: fs.FileSystem) -> dict[InputFile, int]:
    """Rows of Parquet files by their footers; 0 for one that is damaged, which scoring will say."""

    def rows(file: InputFile) -> int:
        try:
            with system.open_input_file(file.path) as source:
                return int(pq.read_metadata(source).num_rows)
        except (OSError, pa.ArrowException):
            return 0

    return dict(zip(files, ordered_map(rows, files), strict=True))


def _lines_cut(file: InputFile, system: fs.FileSystem) -> Cut:
    with system.open_input_file(file.path) as source:
        if source.read(len(_GZIP)) == _GZIP:  # whatever its name says
            return Cut("bytes", [0, file.size])
        return Cut("bytes", borders.line_borders(file, [_next_line(source, start) for start in borders.starts(file)]))


def _next_line(source: Any, start: int) -> int:
    source.seek(start)
    while block := source.read(_LINE_BLOCK_BYTES):
        if (feed := block.find(b"\n")) >= 0:
            return start + feed + 1
        start += len(block)
    return -1


def _csv_cuts(
    files: Sequence[InputFile], system: fs.FileSystem, reading: Reading, engine: Engine
) -> dict[InputFile, Cut]:
    """Every stretch of every file is read once, on the engine: see :mod:`sentiment.score.borders`."""
    layouts = {file: layout for file in files if (layout := _layout(file, system, reading))}
    tasks = [(file, *ends, layouts[file].delimiter) for file in layouts for ends in _ends(file)]
    found: dict[InputFile, dict[int, borders.Findings]] = {file: {} for file in layouts}
    for outcome in engine.map(partial(_look, system), tasks):
        if not outcome.lost:
            found[tasks[outcome.task][0]][tasks[outcome.task][1]] = outcome.result
    wanted = {file: borders.starts(file) for file in layouts}
    return {
        file: layouts[file]._replace(borders=borders.csv_borders(file, [found[file][start] for start in wanted[file]]))
        for file in layouts
        if len(found[file]) == len(wanted[file])
    }


def _layout(file: InputFile, system: fs.FileSystem, reading: Reading) -> Cut | None:
    """Delimiter and header of a CSV; None where its beginning is not what is expected, which scoring will say."""
    try:
        with system.open_input_stream(file.path, compression=None) as source:
            head = bytes(source.read(HEAD_BYTES))
        layout = csv_layout(readable(head, reading.encoding), file.path, reading)
    except (InputError, OSError, UnicodeError, csv.Error):
        return None
    end = borders.first_row_end(head) if layout.header else 0
    return None if end < 0 else Cut("bytes", [], end, layout.delimiter)


def _ends(file: InputFile) -> Iterator[tuple[int, int]]:
    begins = borders.starts(file)
    return zip(begins, [*begins[1:], file.size], strict=True)


def _look(system: fs.FileSystem, task: tuple[InputFile, int, int, str]) -> borders.Findings:
    file, start, stop, delimiter = task
    with system.open_input_file(file.path) as source:
        first = max(0, start - 1)
        source.seek(first)
        content = bytes(source.read(stop - first + 1))
    before = content[0] if start else -1
    after = content[stop - first] if stop < file.size else -1
    return borders.examine(content[start - first : stop - first], start, before, after, delimiter)
