"""What a running process remembers of the chunks (what stands between two blanks) of single texts.

Rules never look across a blank, so the ids of a text are those of its chunks one after the other; and most chunks of a
text have come before. Looking each up in a dictionary takes a tenth of the time that the rules take for the whole text.
"""

from collections.abc import Callable, Sequence
from itertools import chain

_AT_MOST = 1 << 14  # chunks of each of both halves: about 5 MB together
_LONGEST = 64  # bytes of a chunk that is remembered
_NAMES = (b"@", b"http")  # mentions and links hardly ever come again, and are found quickly


class ChunkMemory:
    """Chunks and their ids; threads may share one.

    It has two halves. What is met goes into the younger one; when that is full, it becomes the older one, and what was
    there is forgotten, but for what has been met again meanwhile. So a stream of rare chunks never drives frequent ones
    out.

    Args:
        find: the ids of each of some chunks in lower case and UTF-8, as rules and lexicon give them, dropped tokens
            left out.
    """

    def __init__(self, find: Callable[[list[bytes]], Sequence[Sequence[int]]]) -> None:
        self._find = find
        self._young: dict[bytes, Sequence[int]] = {}
        self._old: dict[bytes, Sequence[int]] = {}

    def rows_of(self, texts: Sequence[bytes]) -> list[list[int]]:
        """The ids of each of ``texts``, in UTF-8, as ``find`` gives them; rows may be empty."""
        split = [text.lower().split(b" ") for text in texts]  # of bytes, only ASCII letters change case
        known = [[*map(self._young.get, chunks)] for chunks in split]
        fresh = _missing(split, known)
        if fresh:
            met = self._meet(fresh)
            known = [
                [met[chunk] if row is None else row for chunk, row in zip(chunks, rows, strict=True)]
                for chunks, rows in zip(split, known, strict=True)
            ]
        return [[*chain.from_iterable(rows)] for rows in known]  # type: ignore[arg-type]

    def _meet(self, chunks: list[bytes]) -> dict[bytes, Sequence[int]]:
        """The ids of ``chunks``, which the younger half lacks; those of short ones are remembered."""
        old = self._old
        met = {chunk: old[chunk] for chunk in chunks if chunk in old}
        if unknown := [chunk for chunk in chunks if chunk not in met]:
            met |= zip(unknown, map(tuple, self._find(unknown)), strict=True)
        if len(self._young) + len(met) > _AT_MOST:
            self._old, self._young = self._young, {}
        worth = (item for item in met.items() if len(item[0]) <= _LONGEST and not item[0].startswith(_NAMES))
        self._young.update(worth)
        return met


def _missing(split: list[list[bytes]], known: list[list[Sequence[int] | None]]) -> list[bytes]:
    """The chunks whose ids are not known, each once."""
    return [
        *dict.fromkeys(
            chunk
            for chunks, rows in zip(split, known, strict=True)
            if None in rows
            for chunk, row in zip(chunks, rows, strict=True)
            if row is None
        )
    ]
