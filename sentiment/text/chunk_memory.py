"""What a running process remembers of the chunks (what stands between two blanks) of single texts.

Rules never look across a blank, so the ids of a text are those of its chunks one after the other; and most chunks of a
text have come before. Looking each up in a dictionary takes a tenth of the time that the rules take for the whole text.
"""

from collections.abc import Callable, Sequence
from itertools import chain

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
        return [self._row(text.lower().split(b" ")) for text in texts]  # of bytes, only ASCII letters change case

    def _row(self, chunks: list[bytes]) -> list[int]:
        known = [*map(self._met.get, chunks)]
        if None in known:
            met = self._meet([chunk for chunk, ids in zip(chunks, known, strict=True) if ids is None])
            known = [met[chunk] if ids is None else ids for chunk, ids in zip(chunks, known, strict=True)]
        return [*chain.from_iterable(known)]  # type: ignore[arg-type]

    def _meet(self, chunks: list[bytes]) -> dict[bytes, Sequence[int]]:
        """The ids of ``chunks``, which are remembered if they are short."""
        distinct = [*dict.fromkeys(chunks)]
        met: dict[bytes, Sequence[int]] = dict(zip(distinct, map(tuple, self._by_rules(distinct)), strict=True))
        if len(self._met) + len(met) > _AT_MOST:
            self._met = {}
        self._met.update((chunk, ids) for chunk, ids in met.items() if len(chunk) <= _LONGEST)
        return met
