"""Draft a profile from a labelled file: columns, delimiter, encoding, label values and their counts, as commented TOML.

python -m pipelines.profile tweets.csv --output pipelines/profiles/mine.toml
"""

import argparse
import codecs
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from pipelines.shared import profiles, publishing, stage
from pipelines.shared.profiles import toml_key, toml_value
from sentiment.common.command_line import OneLineParser, path
from sentiment.common.file_checks import require_writable
from sentiment.common.messages import counted, shown, without_controls
from sentiment.data.corpus import as_text
from sentiment.data.csv_format import SAMPLE_BYTES, CsvFormat, find_format, has_header, lines_of, refuse_utf16
from sentiment.data.drafting import MOST_VALUES, Column, Draft, detect_encoding, detect_kind, draft
from sentiment.data.reading import BadRows, Reading
from sentiment.data.table_files import FASTTEXT, open_bytes
from sentiment.data.table_names import input_kind_of
from sentiment.data.table_reader import read_batches
from sentiment.errors import InputError

_ROWS_LOOKED_AT = 200
_WHOLE = re.compile(r"^(-?\d{1,9})\.0+$")  # `load` reads 4.0 in JSON lines as 4
_ENCODINGS = {"latin-1": "   # not UTF-8", "cp1252": "   # not UTF-8, but what Excel writes as plain CSV"}

# Chosen on SemEval's tweets (docs/history.md): no worse on tweets, and better on plain sentences.
_PLAIN_SENTENCES = """\
[preprocessing]                 # words as they are written: "nicer" says more than its lemma
lemmatise = false
remove_stop_words = false

[training]                      # rows of common English beside the tweets, which seldom say "not bad"
contrast = 0.3
phrases = 0.3
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Draft a profile for a labelled file, and print the draft or write the draft to ``--output``."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = OneLineParser(prog="python -m pipelines.profile", description=__doc__, formatter_class=layout)
    parser.add_argument("file", type=path, help="a labelled .csv, .tsv, .jsonl (.gz) or .parquet")
    parser.add_argument("--output", type=Path, metavar="FILE.toml", help="where to write it (default: standard output)")
    arguments = parser.parse_args(argv)
    with stage.reporting("profile"):
        target = arguments.output
        if target and target.suffix != ".toml":
            raise InputError(f"--output {target}: expected a name that ends in .toml, by which make knows a profile")
        if target and target.exists():
            raise InputError(f"{target}: exists already; remove it first, or give another name")
        if target:
            require_writable(target, overwrite=True)
        text = drafted(Path(arguments.file), target)
        if target:
            publishing.write_text(target, text)
            stage.log.info("wrote %s; look it through, then: %s", target, _command(Path(arguments.file), target))
        else:
            sys.stdout.write(text)


def drafted(path: Path, target: Path | None = None) -> str:
    """Return a draft profile for the file ``path``, as TOML; its comments mention ``target``, where it will be saved.

    Raises:
        InputError: the file cannot be read as a table.
    """
    kind = detect_kind(path)
    by_batches = kind in ("jsonl", "parquet", FASTTEXT)
    format_, found = ({}, _of_batches(path, kind)) if by_batches else _of_csv(path, kind)
    format_ |= {} if kind in ("csv", input_kind_of(path)) else {"format": kind}
    remarks = [without_controls(remark, " ") for remark in _remarks(found)]
    for remark in remarks:
        stage.log.warning("WARNING: %s", remark)
    notes = [f"# NOTE: {remark}" for remark in remarks]
    return "\n".join([*_head(path, target, found), *notes, "", *_toml(format_, found)])


def _head(path: Path, target: Path | None, found: Draft) -> list[str]:
    """Return the first lines of the draft, which are comments: the columns found, and the command to run next."""
    save = "" if target else ", save it as pipelines/profiles/mine.toml"
    rows = counted(found.rows, "row")
    return [
        f"# Drafted from {without_controls(str(path), ' ')}: {rows}. Look it through{save}, then:",
        f"#   {without_controls(_command(path, target), ' ')}",
        "# with VECTORS a GloVe file, or with FROM=MODEL, a model's folder, in its place",
        *(f"#   column {i}, {without_controls(_shown(column), ' ')}" for i, column in enumerate(found.columns)),
    ]


def _command(path: Path, target: Path | None) -> str:
    """Return the `make` command to run next, with the profile's name, or its path if it is outside `profiles/`."""
    given = target or Path("mine.toml")
    here = target is None or target.resolve() == profiles.PROFILES / target.name
    profile, corpus = shlex.quote(given.stem if here else str(given)), shlex.quote(str(path))
    return f"make evaluate PROFILE={profile} CORPUS={corpus} GLOVE=VECTORS"


def _of_csv(path: Path, kind: str) -> tuple[dict[str, object], Draft]:
    """Return the format settings of a CSV, and the draft of its columns and labels."""
    encoding = detect_encoding(path)
    bad_rows = BadRows(limit=sys.maxsize)
    asked = Reading(column="", encoding=encoding, kind=kind, header=False, bad_rows=bad_rows, option="corpus.")
    written = _format_of(path, asked)
    batches = read_batches(path, replace(asked, delimiter=written.delimiter, quotes=written.quotes))
    rows = (row for batch in batches for row in _rows(batch, {}))
    looked_at = list(islice(rows, _ROWS_LOOKED_AT))
    header = has_header(looked_at)
    names = [name.strip() for name in looked_at[0]] if header else list(written.names)
    found = draft(names, chain(looked_at[header:], rows))
    found = replace(found, rows=found.rows + bad_rows.count, ragged=bad_rows.count)
    return {"encoding": encoding, "delimiter": written.delimiter, "header": header}, found


def _format_of(path: Path, reading: Reading) -> CsvFormat:
    with open_bytes(path) as opened:
        head = opened.stream.read(SAMPLE_BYTES)
    sample = codecs.getincrementaldecoder(reading.encoding)("replace").decode(head).removeprefix("\ufeff")
    lines = lines_of(sample)
    if lines and re.fullmatch(r'"?sep=.?"?\s*', lines[0], re.IGNORECASE):
        raise InputError(f"{path}:1: expected names of columns, received {shown(lines[0].strip())!r}; delete that line")
    refuse_utf16(head, reading.encoding, str(path), f"{reading.option}encoding")
    if "\0" in sample:
        raise InputError(f"{path}: holds bytes of 0, which no text in {reading.encoding} has; save it as CSV (UTF-8)")
    is_cut = len(head) == SAMPLE_BYTES
    return find_format("".join(lines[:-1] if is_cut else lines), is_cut, reading, str(path), reading.kind)


def _of_batches(path: Path, kind: str) -> Draft:
    """Return the draft of the columns and labels of a JSON lines, Parquet or fastText file."""
    batches = read_batches(path, Reading(column="", kind=kind, option="corpus."))
    first = next(batches)
    if not any(first.schema.names):
        raise InputError(f"{path}: the file is empty; expected labelled tweets")
    without_text: dict[str, str] = {}
    rows = (row for batch in chain([first], batches) for row in _rows(batch, without_text))
    if kind == "jsonl":
        rows = (tuple(_WHOLE.sub(r"\1", value) for value in row) for row in rows)
    found = draft(first.schema.names, rows)
    if without_text:
        said = "; ".join(without_text.values())
        if len(without_text) == len(found.columns):
            raise InputError(f"{path}: {said}; write the file with one column for the text and one for the label")
        stage.log.warning("WARNING: %s: %s; not looked at", path, said)
    return found


def _rows(batch: pa.RecordBatch, without_text: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Return the rows of ``batch`` as tuples of text, which is how `load` will read them.

    A column of nested or other non-text values becomes empty text. ``without_text`` gets a remark under its name.
    """
    columns = []
    for i, name in enumerate(batch.schema.names):
        try:
            values = as_text(batch, i, "").to_pylist()
            nested = next((value for value in values if value), "").startswith(("{", "[{")) and "objects"
        except InputError:
            nested = str(batch.schema.types[i])[:100]
        if nested:
            without_text[name] = f"column {shown(name)!r} holds {nested}, expected text"
        columns.append([""] * batch.num_rows if nested else values)
    return zip(*columns, strict=True)


def _remarks(found: Draft) -> Iterator[str]:
    """Yield warnings about parts of the draft that the user should check."""
    if not found.rows:
        yield "the file has no rows below the names of its columns; expected labelled tweets"
    whole, texts = found.rows - found.ragged, found.columns[found.text].rows
    if found.ragged:
        yield f"{counted(found.ragged, 'row')} with more or fewer cells than the first line ({len(found.columns)})"
    if texts < whole:
        yield f"{counted(whole - texts, 'row')} without text, which would count as tweets; remove them from the file"
    if cut := found.columns[found.text].ellipses:
        yield f"{counted(cut, 'text')} with an ellipsis at the end, perhaps cut; look for whole ones at the source"
    if found.label is None:
        yield (
            f"no label column was found: none has from 2 to {MOST_VALUES} values that repeat; "
            "fill in corpus.label_column and [corpus.labels]"
        )
    else:
        yield from _remarks_on_labels(found, repr(found.columns[found.label].name))


def _remarks_on_labels(found: Draft, column: str) -> Iterator[str]:
    classes, left_out, guessed, _ = found.meaning
    counts: dict[str, int] = found.columns[found.label or 0].values or {}
    if left_out:
        shown = ", ".join(f"{value} ({counted(counts[value], 'row')})" for value in left_out)
        yield f"left out, since their values have no class in [corpus.labels]: {shown}"
    if len(classes) < 2:
        yield f"column {column} has one class only, {', '.join(classes)}: add rows of another, for training needs two"
    elif guessed:
        meant = ", ".join(f"{value} is {name}" for name, values in classes.items() for value in values)
        yield f"what the values of column {column} mean is a guess ({meant}): look at some rows, mend [corpus.labels]"
    elif not found.meaning.known:
        yield (
            f"which of the classes {', '.join(classes)} are negative and positive is not known; VADER and the minimal "
            f'pairs need this in corpus.polarity: polarity = {{ ONE = "negative", OTHER = "positive" }}'
        )


def _toml(format_: dict[str, object], found: Draft) -> Iterator[str]:
    named = bool(format_.get("header", True))
    yield "[corpus]"
    for name, value in (format_ | {"header": named}).items():
        yield f"{name} = {toml_value(value)}{_ENCODINGS.get(str(value), '')}"
    yield "columns = 0" + " " * 20 + "# as many as the first line has"
    yield f"text_column = {toml_value(_column(found, found.text, named))}"
    yield from _label_lines(found, named)
    yield ""
    if {"negative", "positive"} <= found.meaning.classes.keys():
        yield _PLAIN_SENTENCES


def _column(found: Draft, position: int, named: bool) -> str | int:
    """Return a column's name, or its position if the name is missing (no header: not ``named``) or not unique."""
    names = [column.name for column in found.columns]
    name = names[position]
    return name if named and name.strip() and names.count(name) == 1 else position


def _label_lines(found: Draft, named: bool) -> Iterator[str]:
    if found.label is None:
        yield '# label_column = "?"              # no column of a few values that repeat was found'
        yield from ("", "# [corpus.labels]", '# negative = "?"', '# positive = "?"')
        return
    column = found.columns[found.label]
    counts: dict[str, int] = column.values or {}
    yield f"label_column = {toml_value(_column(found, found.label, named))}"
    if found.meaning.left_out:
        yield f"ignored_labels = {toml_value(list(found.meaning.left_out))}    # left out; or give them a class below"
    if missing := found.rows - column.rows:
        yield f"# {counted(missing, 'row')} without a label or with another number of cells; that many may be skipped:"
        yield f"max_bad_rows = {missing}"
    yield ""
    yield "[corpus.labels]" + " " * 16 + "# class = values; trimmed, and compared without case"
    for class_name, values in found.meaning.classes.items():
        shown = ", ".join(f"{without_controls(value, ' ')}: {counts[value]:,}" for value in values)
        yield f"{toml_key(class_name)} = {toml_value(values[0] if len(values) == 1 else values)}    # rows {shown}"


def _shown(column: Column) -> str:
    if column.values is not None and len(column.values) > 1:
        return f"{column.name}: " + ", ".join(f"{value} ({count:,})" for value, count in column.values.most_common(8))
    if not column.rows:
        return f"{column.name}: empty"
    return f"{column.name}: {column.rows:,} not empty, such as {column.example[:60]}"


if __name__ == "__main__":
    main()
