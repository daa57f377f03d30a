"""What a running process remembers of the chunks (what stands between two blanks) of single texts.

Rules never look across a blank, so the ids of a text are those of its chunks one after the other; and most chunks of a
text have come before. Looking each up in a dictionary takes a tenth of the time that the rules take for the whole text.
"""

from collections.abc import Callable, Sequence

_AT_MOST = 1 << 14  # chunks: about 3 MB
_LONGEST = 64  # bytes of a chunk that is remembered


class ChunkMemory:
    """Chunks and their ids; threads may share one.

    Args:
        by_rules: the ids of each of some texts in UTF-8, as rules and lexicon give them, dropped tokens left out.
    """

    def __init__(self, by_rules: Callable[[list[bytes]], Sequence[Sequence[int]]]) -> None:
        self._by_rules = by_rules
        self._met: dict[bytes, Sequence[int]] = {}

    def rows_of(self, texts: Sequence[bytes]) -> list[list[int]]:
        """The ids of each of ``texts``, in UTF-8, as ``by_rules`` gives them; rows may be empty."""
        met, rows = self._met, []
        for text in texts:
            ids: list[int] = []
            for chunk in text.lower().split(b" "):  # of bytes, only ASCII letters change case
                known = met.get(chunk)
                ids += self._meet(chunk) if known is None else known
            rows.append(ids)
        return rows

    def _meet(self, chunk: bytes) -> Sequence[int]:
        (ids,) = self._by_rules([chunk])
        if len(chunk) <= _LONGEST:
            if len(self._met) >= _AT_MOST:
                self._met = {}
            self._met[chunk] = ids
        return ids
