"""Show the progress of a run on a terminal."""

import time
from typing import TYPE_CHECKING, Any

from sentiment.common.display import counted

if TYPE_CHECKING:
    from sentiment.score.run import Totals


class ScoringBar:
    """Progress on a terminal: bytes of input, which tell the time left, and the tweets, parts and failures so far."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._begun = time.monotonic()
        self._rows_before = 0

    def __enter__(self) -> "ScoringBar":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, totals: "Totals", size: int) -> None:
        """Show the totals after ``size`` further bytes; a negative size is that of all bytes, and comes first."""
        from tqdm import tqdm

        if size <= 0:
            self._bar = tqdm(total=-size, unit="B", unit_scale=True, unit_divisor=1024, disable=None)
            self._begun, self._rows_before = time.monotonic(), totals.rows
            return
        rate = (totals.rows - self._rows_before) / max(1e-9, time.monotonic() - self._begun)
        done = len(totals.done) + len(totals.failed)
        parts = f"parts {done}/{totals.parts}, {len(totals.failed)} failed"
        self._bar.set_postfix_str(f"{counted(totals.rows, 'tweet')}, {rate:.0f}/s, {parts}", refresh=False)
        self._bar.update(size)
