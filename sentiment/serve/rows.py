"""Rows of a CSV or of JSON lines, scored: pieces of bytes in, pieces of bytes out, each row with its answer added."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from sentiment.predict.answers import labels_of
from sentiment.serve.refusals import Refusal
from sentiment.serve.store import Export

CSV, LINES = "text/csv", "application/x-ndjson"
TYPES = {CSV: CSV, LINES: LINES, "application/jsonl": LINES, "application/json-lines": LINES}
_ROWS = 2048
_CHARACTERS = 1 << 20
_SHOWN = 60
_ABSENT = object()  # a row may lack a tweet, by null, but not the column


class Scoring(NamedTuple):
    """How to score a file.

    Attributes:
        export: the model.
        column: name of the tweets' column; in a CSV without header its position, from 0.
        threshold: below it an answer is ``uncertain``.
        encoding: of the file; answers are UTF-8.
        kind: ``CSV`` or ``LINES``.
        line_characters: the longest line that is accepted.
    """

    export: Export
    column: str
    threshold: float
    encoding: str
    kind: str
    line_characters: int


def score(scoring: Scoring, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The scored file.

    Raises:
        Refusal: 422, with the line, where a row cannot be read or has no tweet.
    """
    lines = _lines(scoring, pieces)
    try:
        yield from _score_csv(scoring, lines) if scoring.kind == CSV else _score_lines(scoring, lines)
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        raise Refusal(422, f"expected {scoring.encoding} text ({reason}); name another with charset=") from None
    except csv.Error as error:
        raise Refusal(422, f"not readable as CSV ({error})") from None


def _lines(scoring: Scoring, pieces: Iterable[bytes]) -> Iterator[str]:
    """Lines with their ends."""
    try:
        text = io.TextIOWrapper(io.BufferedReader(_Pieces(pieces)), scoring.encoding, newline="")  # type: ignore[type-var]
    except (LookupError, ValueError):
        raise Refusal(422, f"charset={scoring.encoding[:_SHOWN]}: not a text encoding that is known") from None
    number = 0
    while line := text.readline(scoring.line_characters + 1):
        number += 1
        if len(line) > scoring.line_characters:
            raise Refusal(422, f"line {number}: expected at most {scoring.line_characters} characters")
        yield line.removeprefix("\ufeff") if number == 1 else line


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a raw stream."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with what there is; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _score_csv(scoring: Scoring, lines: Iterator[str]) -> Iterator[bytes]:
    reader = csv.reader(lines)
    first = next(reader, None)
    if first is None:
        raise Refusal(422, "the file is empty")
    header = not (scoring.column.isdecimal() and scoring.column not in first)
    names = first if header else [str(i) for i in range(len(first))]
    position = _position(scoring.column, names)
    added = _added(scoring.export, names)
    if header:
        yield _csv_rows([[*names, *added]])

    def text_of(row: list[str]) -> str | None:
        if len(row) != len(names):
            raise Refusal(422, f"line {reader.line_num}: expected {len(names)} columns, received {len(row)}")
        return row[position] or None  # csv does not say whether an empty cell was in quotes

    rows = (row for row in _chain(() if header else (first,), reader) if row)
    for batch, answers in _answered(scoring, rows, text_of):
        yield _csv_rows([*row, *answer] for row, answer in zip(batch, answers, strict=True))


def _chain(first: Iterable[list[str]], rest: Iterable[list[str]]) -> Iterator[list[str]]:
    yield from first
    yield from rest


def _position(column: str, names: list[str]) -> int:
    if column in names:
        return names.index(column)
    if column.isdecimal() and len(column) < 6 and int(column) < len(names):
        return int(column)
    raise Refusal(422, f"expected a column {column[:_SHOWN]!r}, received {len(names)} others; name it with ?column=")


def _added(export: Export, names: Iterable[str]) -> list[str]:
    added = ["label", "probability", "known", *(f"p_{name}" for name in export.classes)]
    if taken := [name for name in added if name in names]:
        raise Refusal(422, f"has columns {', '.join(taken)} already, which the answers need: rename them")
    return added


def _csv_rows(rows: Iterable[list[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode("utf-8", "replace")


def _score_lines(scoring: Scoring, lines: Iterator[str]) -> Iterator[bytes]:
    number = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal number
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _object(line, number)

    def text_of(row: dict[str, Any]) -> str | None:
        text = row.get(scoring.column, _ABSENT)
        if text is not None and not isinstance(text, str):
            raise Refusal(422, f"line {number}: expected a string {scoring.column[:_SHOWN]!r}; name it with ?column=")
        return text

    for batch, answers in _answered(scoring, rows(), text_of):
        added = _added(scoring.export, batch[0])
        scored = (row | dict(zip(added, answer, strict=True)) for row, answer in zip(batch, answers, strict=True))
        yield b"".join(orjson.dumps(row) + b"\n" for row in scored)
    if not number:
        raise Refusal(422, "the file is empty")


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        row = None
    if not isinstance(row, dict):
        raise Refusal(422, f"line {number}: expected a JSON object")
    return row


def _answered(
    scoring: Scoring, rows: Iterable[Any], text_of: Callable[[Any], str | None]
) -> Iterator[tuple[list[Any], list[list[Any]]]]:
    """Rows in batches, with the values that are added to each; all None where the tweet is missing."""
    batch: list[Any] = []
    texts: list[str | None] = []
    characters = 0
    for row in rows:
        text = text_of(row)
        batch.append(row)
        texts.append(text)
        characters += len(text or "")
        if len(batch) == _ROWS or characters > _CHARACTERS:
            yield batch, _values(scoring, texts)
            batch, texts, characters = [], [], 0
    if batch:
        yield batch, _values(scoring, texts)


def _values(scoring: Scoring, texts: list[str | None]) -> list[list[Any]]:
    classifier = scoring.export.classifier
    answers = classifier.answer([text.encode("utf-8", "replace").decode() for text in texts if text is not None])
    labels = labels_of(classifier.classes_, answers.probabilities, answers.known, scoring.threshold).tolist()
    best = answers.probabilities.max(axis=1).tolist()
    columns = (labels, best, answers.known.tolist(), *answers.probabilities.T.tolist())
    answered = zip(*columns, strict=True)
    return [[None] * len(columns) if text is None else list(next(answered)) for text in texts]
