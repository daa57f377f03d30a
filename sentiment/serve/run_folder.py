"""The temporary folder of one run of the service, in which all workers share metrics and copies of the models.

A lock shows that a run still uses its folder. The next start removes unlocked folders, left by killed runs.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from sentiment.errors import ArtefactError
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.model_files import CHECKED, MODEL, open_model
from sentiment.predict.model_folder import read_classifier

_PREFIX = "sentiment-serve-"
_LOCK = "lock"
METRICS, MODELS = "metrics", "models"
_DIGITS = 12

# Modification time, size and inode of each file. A new export changes at least one of them, however it is copied.
Signature = tuple[tuple[int, int, int], ...]


def make_run_folder() -> Path:
    """Make a new folder with subfolders for metrics and models, and remove the folders of killed runs."""
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
    """Hold the lock of ``folder`` within the ``with`` block. All processes of a run can hold it at the same time."""
    lock: IO[str]
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


class ModelCopy(NamedTuple):
    """A copied export: its folder, its model, and the first digits of the SHA-256 of its ``model.json``."""

    folder: Path
    classifier: SentimentClassifier
    fingerprint: str


class ModelCopies:
    """Copies of the served exports in ``folder/NAME/KEY``, where KEY is a hash of the files' times, sizes and inodes.

    A model maps its files into memory. Without a copy, an export that overwrites these files would change a model that
    is answering requests. Each export is copied once, by the first worker that finds it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, source: Path) -> ModelCopy:
        """Load a model from the copy of the folder or archive ``source``, which is made first if there is none.

        Raises:
            ArtefactError: ``source`` does not contain a complete model.
        """
        copy = self.folder / name / hashlib.sha256(repr(sign(source)).encode()).hexdigest()[:_DIGITS]
        if copy.is_dir():
            return _read(copy)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=copy.parent, prefix=".", ignore_cleanup_errors=True) as temporary:
            with open_model(source) as files:
                for file in files.names():  # _read reports missing files
                    Path(temporary, file).write_bytes(files.read(file))
            try:
                read = _read(Path(temporary))
            except ArtefactError as error:
                raise ArtefactError(str(error).replace(temporary, str(source))) from error
            with contextlib.suppress(OSError):  # another worker was faster; the files of this copy stay mapped
                os.rename(temporary, copy)
        return read._replace(folder=copy)

    def newest(self, name: str) -> ModelCopy | None:
        """Return the newest copy of the model ``name``, or None if there is none."""
        copies = [path for path in (self.folder / name).glob("[!.]*") if path.is_dir()]
        return _read(max(copies, key=lambda path: path.stat().st_mtime)) if copies else None

    def keep_only(self, copy: Path) -> None:
        """Remove all copies of a model except ``copy``. A worker that still uses one has its files mapped."""
        for path in copy.parent.glob("[!.]*"):
            if path != copy:
                shutil.rmtree(path, ignore_errors=True)


def _read(folder: Path) -> ModelCopy:
    classifier = read_classifier(folder)
    return ModelCopy(folder, classifier, hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()[:_DIGITS])


def sign(source: Path) -> Signature | None:
    """Return the modification times, sizes and inodes of the export's files, or None if a file is missing."""
    files = [source] if source.is_file() else [source / name for name in (MODEL, *CHECKED)]
    try:
        stats = [os.stat(file) for file in files]
    except OSError:
        return None
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)
