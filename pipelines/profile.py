"""Draft a profile from a labelled file: columns, delimiter, encoding, label values and their counts, as commented TOML.

python -m pipelines.profile tweets.csv --output pipelines/profiles/mine.toml
"""

import argparse
import codecs
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from pipelines.shared import publishing, stage
from sentiment.common.display import without_controls
from sentiment.common.one_line_parser import OneLineParser
from sentiment.data import tables
from sentiment.data.drafting import Column, Draft, draft, has_header
from sentiment.errors import InputError

_BLOCK = 1 << 20
_ROWS_LOOKED_AT = 200


def main(argv: Sequence[str] | None = None) -> None:
    """Read the file, print or write the draft."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a labelled .csv, .tsv, .jsonl (.gz) or .parquet")
    parser.add_argument("--output", type=Path, metavar="FILE.toml", help="where to write it (default: standard output)")
    arguments = parser.parse_args(argv)
    with stage.reporting("profile"):
        target = arguments.output
        if target and target.exists():
            raise InputError(f"{target}: exists already; remove it first, or give another name")
        text = drafted(arguments.file)
        if target:
            publishing.write_text(target, text)
            stage.log.info("wrote %s; look it through, then run the command in its first lines", target)
        else:
            sys.stdout.write(text)


def drafted(path: Path) -> str:
    """The profile of a file as TOML.

    Raises:
        InputError: it cannot be read as a table.
    """
    kind = tables.kind_of(path) or "csv"
    if kind in ("jsonl", "parquet"):
        return _toml(path, {}, _of_batches(path, kind))
    encoding = _encoding(path)
    with tables.open_bytes(path) as stream, tables.text_file(stream, encoding) as file:
        try:
            return _of_csv(path, encoding, iter(file))
        except csv.Error as error:
            raise InputError(f"{path}: not readable as CSV ({error}); look for an unbalanced quote") from error


def _encoding(path: Path) -> str:
    """UTF-8 if all of the file is, UTF-16 if it begins like it, else latin-1, in which every byte means something."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with tables.open_bytes(path) as stream:
        if stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        try:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return "latin-1"
        except tables.DAMAGED_GZIP as error:
            raise InputError(f"{path}: not a whole gzip file ({error}); fetch or make it again") from error
    return "utf-8"


def _of_csv(path: Path, encoding: str, lines: Iterator[str]) -> str:
    sample = list(islice(lines, _ROWS_LOOKED_AT))
    if not sample:
        raise InputError(f"{path}: the file is empty; expected labelled tweets")
    sample[0] = sample[0].removeprefix("\ufeff")
    delimiter = tables.sniff_delimiter(sample, lambda first: False)
    rows = (row for row in csv.reader(chain(sample, lines), delimiter=delimiter) if row)
    looked_at = list(islice(rows, _ROWS_LOOKED_AT))
    header = has_header(looked_at)
    names = looked_at[0] if header else [str(i) for i in range(len(looked_at[0]))]
    if header:
        tables.refuse_duplicates(names, path)
    found = draft(names, chain(looked_at[header:], rows))
    return _toml(path, {"encoding": encoding, "delimiter": delimiter, "header": header}, found)


def _of_batches(path: Path, kind: str) -> Draft:
    from sentiment.data.batches import Reading, read_batches

    batches = read_batches(path, Reading(column="", kind=kind, option="corpus."))
    first = next(batches)
    rows = (row.values() for batch in chain([first], batches) for row in batch.to_pylist())
    return draft(first.schema.names, (["" if value is None else _plain(value) for value in row] for row in rows))


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _toml(path: Path, format_: dict[str, object], found: Draft) -> str:
    """The draft with what it rests on in comments."""
    name = {"utf-8": "", "utf-16": "", "latin-1": "   # not UTF-8"}.get(str(format_.get("encoding", "")), "")
    named = bool(format_.get("header", True))
    lines = [
        f"# Drafted from {without_controls(str(path), ' ')}: {found.rows:,} rows. Look it through, save it as",
        "# pipelines/profiles/mine.toml, then: make evaluate PROFILE=mine CORPUS=FILE GLOVE=VECTORS",
        *(f"#   column {i}, {without_controls(_shown(column), ' ')}" for i, column in enumerate(found.columns)),
        "",
        "[corpus]",
        *([f"encoding = {_value(format_['encoding'])}{name}"] if format_ else []),
        *([f"delimiter = {_value(format_['delimiter'])}"] if format_ else []),
        f"header = {_value(named)}",
        "columns = 0" + " " * 20 + "# as many as the first line has",
        f"text_column = {_value(found.columns[found.text].name if named else found.text)}",
        *_label_lines(found, named),
    ]
    return "\n".join(lines) + "\n"


def _label_lines(found: Draft, named: bool) -> list[str]:
    if found.label is None:
        return ['# label_column = "?"              # no column of a few values that repeat was found']
    column = found.columns[found.label]
    counts: dict[str, int] = column.values or {}
    lines = [f"label_column = {_value(column.name if named else found.label)}"]
    if found.left_out:
        shown = ", ".join(f"{without_controls(value, ' ')} ({counts[value]:,} rows)" for value in found.left_out)
        stage.log.warning("WARNING: left out, since their values have no class in [corpus.labels]: %s", shown)
        lines.append(f"ignored_labels = {_value(list(found.left_out))}{' ' * 4}# left out; or give them a class below")
    missing = found.rows - column.rows
    if missing:
        lines += [f"# {missing:,} rows have no label; so many may be skipped:", f"max_bad_rows = {missing}"]
    lines += ["", "[corpus.labels]" + " " * 16 + "# class = values; trimmed, and compared without case"]
    for class_name, values in found.classes.items():
        shown = ", ".join(f"{without_controls(value, ' ')}: {counts[value]:,}" for value in values)
        lines.append(f"{_key(class_name)} = {_value(values[0] if len(values) == 1 else values)}    # rows {shown}")
    return lines


def _shown(column: Column) -> str:
    if column.values is not None and len(column.values) > 1:
        return f"{column.name}: " + ", ".join(f"{value} ({count:,})" for value, count in column.values.most_common(8))
    return f"{column.name}: {column.rows:,} not empty, such as {column.example[:60]}"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _value(name)


def _value(value: object) -> str:
    """``value`` as TOML has it; JSON writes strings, lists and truth values alike."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


if __name__ == "__main__":
    main()
