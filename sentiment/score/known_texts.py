"""Text treatment of many small lots at once, handed out again a lot at a time."""

from typing import Any

import numpy as np
import pyarrow as pa

from sentiment.common.ragged import Ragged


class KnownTexts:
    """A preprocessor that encodes the lots it was told to expect in one go, and any other as it comes.

    Args:
        preprocessor: what encodes.
    """

    def __init__(self, preprocessor: Any) -> None:
        self._preprocessor = preprocessor
        self._expected: list[pa.Array] = []
        self._ids: list[Ragged] = []
        self._next = 0

    def expect(self, texts: pa.Array) -> None:
        """``texts`` ``(n,)``, without nulls, will be asked for after those before."""
        self._expected.append(texts)

    def encode_expected(self) -> None:
        """Encode all that is expected."""
        if not self._expected:
            return
        ids = self._preprocessor.encode(pa.concat_arrays(self._expected))
        ends = np.cumsum([0, *map(len, self._expected)])
        values = np.concatenate(([0], np.cumsum(ids.lengths, dtype=np.int64)))[ends]
        for i in range(len(self._expected)):
            lengths = ids.lengths[ends[i] : ends[i + 1]]
            self._ids.append(Ragged(ids.values[values[i] : values[i + 1]], lengths))

    def encode(self, texts: Any) -> Ragged:
        """Ids of ``texts``: those found before, if these very texts were expected."""
        for place in range(self._next, len(self._expected)):
            if isinstance(texts, pa.Array) and self._expected[place].equals(texts):
                self._next = place + 1
                return self._ids[place]
        return self._preprocessor.encode(texts)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._preprocessor, name)
