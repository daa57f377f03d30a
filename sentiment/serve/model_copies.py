"""Copies of the exports that are served, one per export, which all worker processes read.

A model maps its files into memory. An export that is written over the previous one, not beside it, would otherwise
change a model that is answering. The workers share one copy, and so the memory that it is mapped to.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from sentiment.errors import ArtefactError
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.model_folder import CHECKED, MODEL, OPTIONAL, read_classifier

_FINGERPRINT = 12


class ModelCopies:
    """The copies in ``folder``, as ``NAME/FINGERPRINT``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, source: Path) -> tuple[SentimentClassifier, str]:
        """Return the model in the folder ``source`` and its fingerprint; the first worker to ask makes the copy.

        Raises:
            ArtefactError: the folder contains no whole model.
        """
        parent = self.folder / name
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".", ignore_cleanup_errors=True) as temporary:
            with contextlib.suppress(FileNotFoundError):  # read_classifier reports what is missing
                shutil.copyfile(source / MODEL, Path(temporary) / MODEL)
                fingerprint = _fingerprint(Path(temporary))
                if (parent / fingerprint).is_dir():
                    return read_classifier(parent / fingerprint), fingerprint
            for file in (*CHECKED, *OPTIONAL):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(source / file, Path(temporary) / file)
            try:
                classifier = read_classifier(Path(temporary))
            except ArtefactError as error:
                raise ArtefactError(str(error).replace(temporary, str(source))) from error
            with contextlib.suppress(OSError):  # another worker was faster; the files of this copy stay mapped
                os.rename(temporary, parent / fingerprint)
            return classifier, fingerprint

    def newest(self, name: str) -> tuple[SentimentClassifier, str] | None:
        """Return the newest copied model of this name and its fingerprint, or None."""
        copies = [path for path in (self.folder / name).glob("[!.]*") if path.is_dir()]
        if not copies:
            return None
        newest = max(copies, key=lambda path: path.stat().st_mtime)
        return read_classifier(newest), newest.name

    def keep_only(self, name: str, fingerprint: str) -> None:
        """Remove the copies of other exports; who still answers by one has its files mapped."""
        for path in (self.folder / name).glob("[!.]*"):
            if path.name != fingerprint:
                shutil.rmtree(path, ignore_errors=True)


def _fingerprint(folder: Path) -> str:
    return hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()[:_FINGERPRINT]
