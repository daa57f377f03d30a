"""The ids of single chunks by way of the chunk table: what :mod:`sentiment.text.table_encoder` does for many at once.

Looking one up in plain numbers takes a microsecond; NumPy takes fifty, for one as for a hundred.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sentiment.text.chunk_table import EMPTY, FACTORS, LONGEST, PROBES, ChunkTable

# As sentiment.text.evident_chunks has them: the whole of the chunk a name behind an @, or visible after http.
_EVIDENT = re.compile(rb"@[a-z0-9_]+|((?:https?:/|www\.)[!-~]*)")
_64_BITS = (1 << 64) - 1

Ids = Sequence[int]


class SingleChunks:
    """A chunk table for few chunks.

    Args:
        table: chunk -> ids.
        all_rules: whether the table is of all rules: what is evident, is so under all of them.
        by_rules: the ids of each of some chunks, as the rules and the lexicon give them, dropped tokens left out.
    """

    def __init__(
        self, table: ChunkTable, all_rules: bool, by_rules: Callable[[Sequence[bytes]], Sequence[Ids]]
    ) -> None:
        self._table, self._all_rules, self._by_rules = table, all_rules, by_rules
        self._mention, self._link = map(tuple, by_rules([b"@a", b"http://a"]))
        self._map()

    def _map(self) -> None:
        """Open the table as buffers, which are quick to read one number of."""
        self._slots, self._ids = self._table.slots.reshape(-1).data, self._table.ids.data

    def __getstate__(self) -> dict[str, Any]:
        """Buffers cannot be pickled; what they are made of can."""
        return {name: value for name, value in vars(self).items() if name not in ("_slots", "_ids")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From :meth:`__getstate__`."""
        vars(self).update(state)
        self._map()

    def rows_of(self, chunks: Sequence[bytes]) -> list[Ids]:
        """The ids of each of ``chunks``, which are in lower case."""
        rows = [self._find(chunk) for chunk in chunks]
        unknown = [chunk for chunk, row in zip(chunks, rows, strict=True) if row is None]
        by_rules = iter(self._by_rules(unknown) if unknown else ())
        return [next(by_rules) if row is None else row for row in rows]

    def _find(self, chunk: bytes) -> Ids | None:
        """Its ids; None if only the rules know."""
        if self._all_rules and (evident := _EVIDENT.fullmatch(chunk)):
            return self._mention if evident[1] is None else self._link
        return self._of_table(chunk) if len(chunk) <= LONGEST else None

    def _of_table(self, chunk: bytes) -> Ids | None:
        """As :meth:`sentiment.text.chunk_table.ChunkTable.find`; None where the table lacks it."""
        if not chunk:
            return ()
        slots, size = self._slots, len(self._table.slots)
        first, second = int.from_bytes(chunk[:8], "little"), int.from_bytes(chunk[8:], "little") | len(chunk) << 56
        mixed = (first ^ second * FACTORS[1] & _64_BITS) * FACTORS[0] & _64_BITS
        slot = mixed >> 64 - (size.bit_length() - 1)
        for at in range(slot, slot + PROBES):
            place = 3 * (at % size)
            if slots[place] == first and slots[place + 1] == second:
                start, length = slots[place + 2] >> 32, slots[place + 2] & 0xFFFFFFFF
                return self._ids[start : start + length].tolist()
            if slots[place + 1] == EMPTY:
                break
        return None
