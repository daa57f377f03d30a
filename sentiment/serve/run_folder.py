"""The temporary folder of one run of the service: the counters of all workers and the copies of the models.

A lock tells whether a run still uses its folder, so that the next start can remove what a killed run left.
"""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_PREFIX = "sentiment-serve-"
_LOCK = "lock"
METRICS, MODELS = "metrics", "models"


def make_run_folder() -> Path:
    """Return a new folder, with subfolders for metrics and models, and remove the folders of runs that were killed."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (left / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (folder / METRICS).mkdir()
    (folder / MODELS).mkdir()
    return folder


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep the lock of ``folder`` while the context is open. The processes of one run share it."""
    lock: IO[str]
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
