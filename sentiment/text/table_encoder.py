"""Texts to ids by way of the chunk table; the rules run only for chunks that it lacks.

What the table says of a chunk is what the rules say, since they made it; and for a chunk that is evidently a mention,
a link or a word in plain letters the outcome is known without running them. So the answers are those of the rules with
and without a table, and tests hold that.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.chunk_table import LONGEST, Chunks, ChunkTable
from sentiment.text.inputs import encode_all, is_arrow
from sentiment.text.lexicon import PADDING
from sentiment.text.mapped_lexicon import AnyLexicon
from sentiment.text.normalisation import RULES, Rule

Row = tuple[int, ...]
_MET_AT_MOST = 1 << 16  # chunks that a running process remembers: about 10 MB
_BLANK = 0x20
# Visible ASCII only, so that no white space is left inside: a mention; a link; a word in letters, that may be a
# hashtag and end in stops, exclamation or question marks.
_EVIDENT = re.compile(rb"(@[a-z0-9_]+)|((?:https?:/|www\.)[!-~]*)|#?([a-z]+)[.,]*(!+|\?+|)")
_LINK, _WORD, _MARK = 2, 3, 4
# Words that a rule might change: a letter three times, a laugh (xd), a negation without its apostrophe (dont).
_CHANGED = re.compile(rb"([a-z])\1\1|^x|nt$")


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
        self._met: dict[bytes, Row] = {}
        self._all_rules = tuple(rules) == RULES  # what is evident, is so under all of them
        self._of_link, self._of_mention = by_rules(["http://a", "@a"])

    def encode(self, texts: Any) -> Ragged:
        """Ids of ``texts`` ``(n,)``, dropped tokens left out; rows may be empty.

        Raises:
            InputError: a text is not a string or has no UTF-8 form.
        """
        text = _joined(texts)
        data = np.frombuffer(text.data, np.uint8)
        chunks, ends = _split(data, text.lengths)
        values, found = self._table.find(data, chunks)
        ids = self._table.ids
        missing = np.flatnonzero(~found)
        if len(missing):
            where = zip(chunks.starts[missing].tolist(), chunks.lengths[missing].tolist(), strict=True)
            codes, rows = self._rows_of([text.data[start : start + length] for start, length in where])
            lengths = np.array([len(row) for row in rows], np.int64)
            starts = np.cumsum(lengths) - lengths + len(ids)
            values[missing] = (starts << 32 | lengths).astype(np.uint64)[codes]
            ids = np.concatenate([ids, np.array([i for row in rows for i in row], np.int32)])
        return _gather(ids, values, ends)

    def _rows_of(self, chunks: list[bytes]) -> tuple[list[int], list[Row]]:
        """Ids of chunks that the table lacks: a code for each, and the rows that the codes name."""
        index: dict[bytes, int] = {}
        codes = [index.setdefault(chunk, len(index)) for chunk in chunks]
        met = self._met
        rows = [met[chunk] if chunk in met else self._evidently(chunk) for chunk in index]
        unmet = [i for i, row in enumerate(rows) if row is None]
        if unmet:
            distinct = list(index)
            fresh = self._by_rules([distinct[i].decode() for i in unmet])
            if len(met) + len(fresh) > _MET_AT_MOST:
                met = self._met = {}
            for i, row in zip(unmet, fresh, strict=True):
                rows[i] = met[distinct[i]] = row
        return codes, rows  # type: ignore[return-value]

    def _evidently(self, chunk: bytes) -> Row | None:
        """Ids of a chunk that is evidently a mention, a link or a word that no rule changes; else None."""
        match = _EVIDENT.fullmatch(chunk) if self._all_rules else None
        if match is None:
            return None
        if match.lastindex != _MARK:
            return self._of_link if match.lastindex == _LINK else self._of_mention
        word, mark = match[_WORD], match[_MARK][:1]
        if _CHANGED.search(word):
            return None
        ids = [self._lexicon.id_of(token.decode()) for token in (word, mark) if token]
        return tuple(i for i in ids if i != PADDING)


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
    starts = (values >> np.uint64(32)).astype(np.int64)
    lengths = (values & np.uint64(0xFFFFFFFF)).astype(np.int64)
    upto = np.concatenate(([0], np.cumsum(lengths)))
    flat = ids.take(np.repeat(starts - upto[:-1], lengths) + np.arange(upto[-1]))
    return Ragged(flat, np.diff(upto[ends], prepend=0).astype(np.int32))
