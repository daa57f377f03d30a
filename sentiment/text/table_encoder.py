"""Texts to ids by way of the chunk table; the rules run only for chunks that it lacks.

What the table says of a chunk is what the rules say, since they made it; and for a chunk that is evidently a mention,
a link or a word in plain letters the outcome is known without running them. So the answers are those of the rules with
and without a table, and tests hold that.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import LONGEST, Chunks, ChunkTable
from sentiment.text.evident_chunks import MENTION, kinds
from sentiment.text.inputs import encode_all, is_arrow
from sentiment.text.lexicon import PADDING
from sentiment.text.mapped_lexicon import AnyLexicon
from sentiment.text.met_chunks import MetChunks, Row, ragged_of
from sentiment.text.normalisation import RULES, Rule

_BLANK = 0x20
# In letters only, so that no white space is left inside: a word, that may be a hashtag and end in stops, exclamation
# or question marks.
_PLAIN = re.compile(rb"#?([a-z]+)[.,]*(!+|\?+|)")
# Words that a rule might change: a letter three times, a laugh (xd), a negation without its apostrophe (dont).
_CHANGED = re.compile(rb"([a-z])\1\1|^x|nt$")
_LOW = np.uint64(32)


class TableEncoder:
    """A chunk table, and what is to be done about chunks that it lacks.

    Args:
        rules: the treatment; of :data:`sentiment.text.normalisation.RULES` only.
        lexicon: token -> id.
        table: chunk -> ids.
        by_rules: the ids of each of some texts, as the rules and the lexicon give them, dropped tokens left out.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        lexicon: AnyLexicon,
        table: ChunkTable,
        by_rules: Callable[[list[str]], list[Row]],
    ) -> None:
        self._lexicon = lexicon
        self._table = table
        self._by_rules = by_rules
        self._met = MetChunks()
        self._all_rules = tuple(rules) == RULES  # what is evident, is so under all of them
        self._of_mention_and_link = ragged_of(by_rules(["@a", "http://a"]))

    def encode(self, texts: Any) -> Ragged:
        """Ids of ``texts`` ``(n,)``, dropped tokens left out; rows may be empty.

        Raises:
            InputError: a text is not a string or has no UTF-8 form.
        """
        text = _joined(texts)
        data = np.frombuffer(text.data, np.uint8)
        chunks, ends = _split(data, text.lengths)
        entries, found = self._table.find(data, chunks)
        answers = _Answers(entries, np.flatnonzero(~found), [self._table.ids])
        if len(answers.open):
            self._find_further(text.data, data, chunks, answers)
        return _gather(np.concatenate(answers.ids), entries, ends)

    def _find_further(self, text: bytes, data: np.ndarray, chunks: Chunks, answers: "_Answers") -> None:
        """Answer for chunks that the table lacks: mentions and links, then what was met before, then the others."""
        if self._all_rules:
            kind = kinds(data, chunks.take(answers.open))
            rows = self._of_mention_and_link
            answers.add(_entries(rows)[np.maximum(kind, MENTION) - MENTION], kind >= MENTION, rows.values)
        if (met := self._met.table) is not None:
            answers.add(*met.find(data, chunks.take(answers.open)), met.ids)
        if len(answers.open):
            where = zip(*(part.tolist() for part in chunks.take(answers.open)), strict=True)
            codes, found = self._rows_of([text[start : start + length] for start, length in where])
            rows = ragged_of(found)
            answers.add(_entries(rows)[codes], np.ones(len(codes), bool), rows.values)

    def _rows_of(self, chunks: list[bytes]) -> tuple[list[int], list[Row]]:
        """Ids of chunks one by one: a code for each, and the rows that the codes name."""
        index: dict[bytes, int] = {}
        codes = [index.setdefault(chunk, len(index)) for chunk in chunks]
        rows = [self._met.get(chunk) for chunk in index]
        fresh = {chunk: self._plainly(chunk) for chunk, row in zip(index, rows, strict=True) if row is None}
        unclear = [chunk for chunk, row in fresh.items() if row is None]
        fresh.update(
            zip(unclear, self._by_rules([chunk.decode() for chunk in unclear]) if unclear else (), strict=True)
        )
        for chunk, row in fresh.items():
            rows[index[chunk]] = row
        self._met.add(list(fresh), list(fresh.values()))  # type: ignore[arg-type]
        return codes, rows  # type: ignore[return-value]

    def _plainly(self, chunk: bytes) -> Row | None:
        """Ids of a chunk that is plainly a word that no rule changes; else None."""
        match = _PLAIN.fullmatch(chunk) if self._all_rules else None
        if match is None or _CHANGED.search(match[1]):
            return None
        ids = [self._lexicon.id_of(token.decode()) for token in (match[1], match[2][:1]) if token]
        return tuple(i for i in ids if i != PADDING)


@dataclass(slots=True)
class _Answers:
    """The ids of chunks, as far as they are known.

    Attributes:
        entries: start << 32 | length of each, in ``ids`` put together; uint64 ``(n,)``.
        open: indices of those that have no answer yet.
        ids: the arrays that the entries point into.
    """

    entries: np.ndarray
    open: np.ndarray
    ids: list[np.ndarray]

    def add(self, entries: np.ndarray, known: np.ndarray, ids: np.ndarray) -> None:
        """Take in ``entries`` of ``ids`` for those of the open ones that are ``known``."""
        start = np.uint64(sum(map(len, self.ids))) << _LOW
        self.entries[self.open[known]] = entries[known] + start
        self.ids.append(ids)
        self.open = self.open[~known]


def _entries(rows: Ragged) -> np.ndarray:
    """Start << 32 | length of each of ``rows``."""
    return rows.starts.astype(np.uint64) << _LOW | rows.lengths.astype(np.uint64)


class _Joined(NamedTuple):
    """Texts in lower-case ASCII, a blank after each, with padding: ``data``; ``lengths``, of each in bytes."""

    data: bytes
    lengths: np.ndarray


def _joined(texts: Any) -> _Joined:
    strings = _listed(texts)
    try:
        text = " ".join(strings)
        encoded = text.encode()
    except (TypeError, UnicodeEncodeError):
        encode_all(strings)  # says which text it is, and why
        raise
    if text.isascii():
        lengths = [*map(len, strings)]
    else:
        lengths = [len(string) if string.isascii() else len(string.encode()) for string in strings]
    return _Joined(encoded.lower() + b" " + bytes(LONGEST + 1), np.array(lengths, np.int64))


def _listed(texts: Any) -> Any:
    if not is_arrow(texts):
        return texts
    from sentiment.text.tokens import as_arrow

    return as_arrow(texts).to_pylist()


def _split(data: np.ndarray, text_lengths: np.ndarray) -> tuple[Chunks, np.ndarray]:
    """Stretches between blanks, empty ones too, and how many of them there are up to the end of each text."""
    blanks = np.flatnonzero(data[: -LONGEST - 1] == _BLANK)
    starts = np.zeros(len(blanks), np.int64)
    starts[1:] = blanks[:-1] + 1
    ends = np.searchsorted(blanks, np.cumsum(text_lengths + 1) - 1) + 1
    return Chunks(starts, blanks - starts), ends


def _gather(ids: np.ndarray, values: np.ndarray, ends: np.ndarray) -> Ragged:
    """The ids that ``values`` (start << 32 | length) name, as rows of chunks up to ``ends``."""
    starts = (values >> _LOW).astype(np.int64)
    lengths = (values & np.uint64(0xFFFFFFFF)).astype(np.int64)
    upto = np.concatenate(([0], np.cumsum(lengths)))
    flat = ids.take(np.repeat(starts - upto[:-1], lengths) + np.arange(upto[-1]))
    return Ragged(flat, np.diff(upto[ends], prepend=0).astype(np.int32))
