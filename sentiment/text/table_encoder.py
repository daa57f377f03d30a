"""Texts to ids by way of the chunk table; the rules run only for chunks that it lacks.

What the table says of a chunk is what the rules say, since they made it; and for a chunk that is evidently a mention,
a link or a word in plain letters the outcome is known without running them. So the answers are those of the rules with
and without a table, and tests hold that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import LONGEST, Chunks, ChunkTable, entries_of
from sentiment.text.evident_chunks import MENTION, kinds
from sentiment.text.inputs import encode_all, is_arrow
from sentiment.text.lexicon import PADDING
from sentiment.text.mapped_lexicon import AnyLexicon
from sentiment.text.met_chunks import MetChunks
from sentiment.text.normalisation import RULES, Rule
from sentiment.text.pieces import Pieces, cut

_BLANK = 0x20
_PADDING = "\0" * (LONGEST + 1)


class TableEncoder:
    """A chunk table, and what is to be done about chunks that it lacks.

    Args:
        rules: the treatment; of :data:`sentiment.text.normalisation.RULES` only.
        table: chunk -> ids.
        lexicon: token -> id.
        by_rules: the ids of each of some texts, as the rules and the lexicon give them, dropped tokens left out.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        table: ChunkTable,
        lexicon: AnyLexicon,
        by_rules: Callable[[Sequence[bytes]], Ragged],
    ) -> None:
        self._table = table
        self._lexicon = lexicon
        self._by_rules = by_rules
        self._met = MetChunks()
        self._all_rules = tuple(rules) == RULES  # what is evident, is so under all of them
        self._of_mention_and_link = by_rules([b"@a", b"http://a"])

    def encode(self, texts: Any) -> Ragged:
        """Ids of ``texts`` ``(n,)``, dropped tokens left out; rows may be empty.

        Raises:
            InputError: a text is not a string or has no UTF-8 form.
        """
        data, lengths = _joined(texts)
        chunks, ends = _split(data, lengths)
        entries, found = self._table.find(data, chunks)
        answers = _Answers(entries, np.flatnonzero(~found), [self._table.ids])
        if len(answers.open):
            self._find_further(data, chunks, answers)
        return _gather(np.concatenate(answers.ids), entries, ends)

    def _find_further(self, data: np.ndarray, chunks: Chunks, answers: "_Answers") -> None:
        """Answer for chunks that the table lacks: mentions and links first, then what the others consist of."""
        if not self._all_rules:
            self._ask_rules(data, chunks, answers)
            return
        kind, rows = kinds(data, chunks.take(answers.open)), self._of_mention_and_link
        answers.add(entries_of(rows)[np.maximum(kind, MENTION) - MENTION], kind >= MENTION, rows.values)
        if len(answers.open):
            rows = self._rows_of_pieces(data, cut(data, chunks.take(answers.open)))
            answers.add(entries_of(rows), np.ones(len(rows.lengths), bool), rows.values)

    def _rows_of_pieces(self, data: np.ndarray, pieces: Pieces) -> Ragged:
        """The ids of chunks by those of their pieces: of the table, of words as they stand, then of the rules."""
        entries, found = self._table.find(data, pieces.chunks)
        answers = _Answers(entries, np.flatnonzero(~found), [self._table.ids])
        words = pieces.words[answers.open]
        ids = self._lexicon.ids_at(data, *pieces.chunks.take(answers.open[words]))
        rows = Ragged(ids, np.ones(len(ids), np.int32)).keep(ids != PADDING)
        each = np.zeros(len(words), np.uint64)
        each[words] = entries_of(rows)
        answers.add(each, words, rows.values)
        self._ask_rules(data, pieces.chunks, answers)
        return _gather(np.concatenate(answers.ids), entries, pieces.ends)

    def _ask_rules(self, data: np.ndarray, chunks: Chunks, answers: "_Answers") -> None:
        """Answer for all that are open yet: by what was met before, else by the rules."""
        met = self._met.table
        answers.add(*met.find(data, chunks.take(answers.open)), met.ids)
        if len(answers.open):
            left = chunks.take(answers.open)
            ends = (left.starts + left.lengths).tolist()
            missing = [data[start:end].tobytes() for start, end in zip(left.starts.tolist(), ends, strict=True)]
            rows = self._met.rows_of(missing, self._by_rules)
            self._met.add(data, left, rows)
            answers.add(entries_of(rows), np.ones(len(ends), bool), rows.values)


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
        start = np.uint64(sum(map(len, self.ids))) << np.uint64(32)
        self.entries[self.open[known]] = entries[known] + start
        self.ids.append(ids)
        self.open = self.open[~known]


class _Joined(NamedTuple):
    """Texts in lower-case ASCII, a blank after each, with padding: ``data``, uint8; ``lengths``, of each in bytes."""

    data: np.ndarray
    lengths: np.ndarray


def _joined(texts: Any) -> _Joined:
    strings = _listed(texts)
    try:
        text = " ".join([*strings, _PADDING])
        data = np.frombuffer(text.encode(), np.uint8)
    except (TypeError, UnicodeEncodeError):
        encode_all(strings)  # says which text it is, and why
        raise
    if text.isascii():
        lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    else:
        lengths = np.array([len(string) if string.isascii() else len(string.encode()) for string in strings], np.int64)
    return _Joined(_lower(data), lengths)


def _lower(data: np.ndarray) -> np.ndarray:
    """``bytes.lower`` of ``data``, but that other threads can run meanwhile: of bytes, only ASCII letters have case."""
    return data | (data - np.uint8(ord("A")) < 26).view(np.uint8) << np.uint8(5)


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
    starts = (values >> np.uint64(32)).astype(np.int64)
    lengths = (values & np.uint64(0xFFFFFFFF)).astype(np.int64)
    upto = np.concatenate(([0], np.cumsum(lengths)))
    flat = ids.take(np.repeat(starts - upto[:-1], lengths) + np.arange(upto[-1]))
    return Ragged(flat, np.diff(upto[ends], prepend=0).astype(np.int32))
