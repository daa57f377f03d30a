"""Read posts from nested JSON, such as archives and API pages, as a table with one row per post."""

import html
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa

from sentiment.common.messages import counted
from sentiment.data.json_documents import Document, documents, refuse_missing, valid_text, value_at, values_at
from sentiment.data.post_shapes import X_ARCHIVE, Shape, shape_of
from sentiment.data.reading import RAW_LINE, BadRow, Reading, TableBlock
from sentiment.data.table_names import NOTES

log = logging.getLogger("sentiment.data")
_ROWS_PER_BLOCK = 8192
_LOOKED_AT = 200
_MOST_NOTES = 1 << 20
_KEY_LENGTH = 100  # characters; every post that X's archive cuts is longer
# Further columns of a post if all columns are requested, and their paths in posts without fields of these names.
_BESIDE_TEXT = {
    "id": ("tweet.id_str", "id_str", "commit.rkey", "post.uri", "uri", "object.id"),
    "created_at": (
        "tweet.created_at", "commit.record.createdAt", "post.record.createdAt", "record.createdAt", "published",
    ),
}  # fmt: skip


class _Row(NamedTuple):
    """A post: its JSON object ``value`` (None if invalid) and the object ``page`` that contains the post.

    ``raw`` is the post as JSON text, and ``line`` the number of the line where ``page`` begins.
    """

    value: Any
    page: dict[str, Any]
    raw: str
    line: int


def read_posts(
    stream: IO[bytes], reading: Reading, name: str, beside: Callable[[str], IO[bytes] | None]
) -> Iterator[TableBlock]:
    """Yield the posts of a JSON file in blocks, at least one, with one row per post. Every column is a string array.

    If ``reading`` requests all columns, those of a known layout are the text, ``id`` and ``created_at``. Those of an
    unknown layout are all fields of the first rows. ``beside`` is that of :class:`OpenFile`.

    Raises:
        InputError: no object has a requested column.
    """
    found = documents(stream)
    first = list(itertools.islice(found, _LOOKED_AT))
    column = str(reading.column or (reading.columns or ("",))[0])
    rows, mark, text = column.rpartition("[]")
    shape = shape_of([each.value for each in first if each.value], column)
    notes = beside(NOTES) if shape is X_ARCHIVE else None
    long_posts = {} if notes is None else _long_posts(notes)
    shape = shape or Shape("", rows + mark, text.removeprefix("."))
    reader = _PostReader(reading, name, column or shape.path, shape, long_posts)
    yield from reader.blocks(itertools.chain(first, found))


def _long_posts(notes: IO[bytes]) -> dict[str, str]:
    """Map the beginnings of the long posts in ``notes`` to their full texts, because tweets in an X archive are cut."""
    with notes:
        found = [note.value or {} for note in itertools.islice(documents(notes), _MOST_NOTES)]
    texts = [value_at(note, "noteTweet.core.text") for note in found]
    return {_start(text): text for text in texts if isinstance(text, str)}


def _start(text: str) -> str:
    return " ".join(html.unescape(text).split())[:_KEY_LENGTH]


class _PostReader:
    """Read posts from JSON documents, and count them. ``column`` is the name of the text column.

    A ``shape`` without a name is an unknown layout, in which every object is a row, even one without a text.
    """

    def __init__(self, reading: Reading, name: str, column: str, shape: Shape, long_posts: dict[str, str]) -> None:
        self._reading, self._name, self._column, self._shape = reading, name, column, shape
        self._long_posts = long_posts
        self._names: list[str] | None = None  # known from the first block on
        self._posts = self._longer = self._cut = self._others = 0

    def blocks(self, found: Iterator[Document]) -> Iterator[TableBlock]:
        """Yield the posts in ``found`` in blocks, then log a summary."""
        rows, before = self._rows(found), 0
        while (some := list(itertools.islice(rows, _ROWS_PER_BLOCK))) or self._names is None:
            yield self._block(some, before)
            before += len(some)
        if self._shape.name:
            log.warning("%s: %s", self._name, self._told())

    def _rows(self, found: Iterator[Document]) -> Iterator[_Row]:
        for document, raw, line in found:
            if document is None or not self._shape.rows:
                yield _Row(document, document or {}, raw, line)
                continue
            for value in values_at(document, self._shape.rows):
                post = value if isinstance(value, dict) else None
                yield _Row(post, document, json.dumps(value, ensure_ascii=False), line)

    def _block(self, rows: Sequence[_Row], before: int) -> TableBlock:
        if self._names is None:
            self._names = self._find_names([row.value for row in rows if row.value])
        kept, values, bad = [], list[dict[str, str | None]](), []
        for number, row in enumerate(rows, before + 1):
            if reason := self._problem(row):
                bad.append(BadRow(number, row.line, reason))
            elif (text := self._text(row)) is not None or not self._shape.name:
                kept.append(number)
                values.append({name: self._cell(name, row, text) for name in self._names})
            else:
                self._others += 1
        batch = pa.RecordBatch.from_pylist(values, pa.schema(dict.fromkeys(self._names, pa.string())))
        lines = [row.line for row in rows]
        return TableBlock(batch, np.array(kept, np.int64), bad, lambda number: lines[number - before - 1])

    def _find_names(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Return the names of the columns to read, or raise an :class:`InputError` if no row has a requested one."""
        wanted = [str(column) for column in self._reading.wanted]
        for column in wanted if rows else ():
            is_known = self._shape.name and column == self._column
            if not is_known and all(self._value(row, column) is None for row in rows):
                before = f"{self._shape.rows}." if self._shape.rows else ""
                refuse_missing(column, rows[:1], self._name, self._reading.option, before)
        if self._reading.columns is not None:
            return [*wanted, RAW_LINE] if self._reading.raw_lines else wanted
        names = _BESIDE_TEXT if self._shape.name else (name for row in rows for name in row)
        return list(dict.fromkeys([*filter(None, [self._column]), *names]))

    def _problem(self, row: _Row) -> str:
        """Return an error message if a row is not an object or its text column contains no text, else an empty one."""
        if row.value is None:
            received = repr(row.raw[:40]) if row.raw else "the end of the file inside a list: it is cut short"
            return " ".join(f"expected a JSON object, received {received}".split())
        value = self._value(row.value, self._column) if self._column and not self._shape.name else None
        kind = {dict: "an object", list: "a list", bool: "a truth value"}.get(type(value), "a number")
        return "" if value is None or isinstance(value, str) else f"column {self._column!r} holds {kind}, expected text"

    def _text(self, row: _Row) -> str | None:
        """Return a row's text, or None if it has none. Count the texts for the log."""
        usual = value_at(row.value, self._shape.text)
        if not isinstance(usual, str):  # a deletion, for example
            return None
        text = self._shape.read(usual, row.value, row.page)
        if self._long_posts and len(text) >= _KEY_LENGTH:
            text = self._long_posts.get(_start(text), text)
        self._posts += 1
        self._longer += bool(self._shape.longer) and len(text) > len(usual)
        self._cut += text.rstrip().endswith("…")
        return text

    def _cell(self, name: str, row: _Row, text: str | None) -> str | None:
        if name == RAW_LINE:
            value = row.value if "\n" in row.raw else row.raw
        else:
            value = text if name == self._column else self._value(row.value, name)
        if value is None:
            return None
        return valid_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    def _value(self, row: dict[str, Any], column: str) -> Any:
        within = column.removeprefix(f"{self._shape.rows}.") if self._shape.rows else column
        paths = (within, *_BESIDE_TEXT.get(column, ())) if self._shape.name else (within,)
        return next((value for path in paths if (value := value_at(row, path)) is not None), None)

    def _told(self) -> str:
        """Return a one-line summary, for the log, of the posts that were read."""
        longer = f", {counted(self._longer, 'longer one')} from {self._shape.longer}" if self._longer else ""
        entries = counted(self._others, "entry", "entries")
        others = f"; {entries} without a text left out" if self._others else ""
        cut = f"; {counted(self._cut, 'text')} with an ellipsis at the end, so cut" if self._cut else ""
        return f"{self._shape.name}: {self._shape.path}, {counted(self._posts, 'post')}{longer}{others}{cut}"
