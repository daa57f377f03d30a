"""Write artefacts atomically, so that no half-written file ever has its final name."""

import contextlib
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from sentiment.common.file_checks import replacing
from sentiment.errors import ArtefactError, InputError
from sentiment.predict.model_files import MANIFEST, checksums, read_manifest

log = logging.getLogger("pipelines")

# Command -> patterns of the artefacts that it makes.
_MAKES = {
    "make preprocess": (
        "tweets.parquet", "load.json", "lexicon.tsv", "vocabulary.txt", "preprocessing.json", "encoded.json",
        "*.ids.npy", "*.labels.npy", "embedding_matrix.npy", "coverage.json",
    ),
    "make train": ("model.keras", "model.json", "training.json", "settings.json", "manifest.json", "seen.npy"),
    "make evaluate": ("metrics.json", "predictions.csv", "behaviour.json"),
    "make crossvalidate": ("crossvalidation.json",),
    "make curve": ("curve.json",),
}  # fmt: skip


@contextlib.contextmanager
def publish(folder: Path, last: str) -> Iterator[Path]:
    """Yield a staging folder, and at the end move its entries into ``folder``, the file ``last`` after all others.

    Make uses ``last`` as the target of the stage. The old ``last`` is deleted before the first move, so that Make
    reruns a stage that was killed meanwhile. If the ``with`` block raises an error, ``folder`` is unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(".staging-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    staging = folder / f".staging-{os.getpid()}"
    staging.mkdir()
    try:
        yield staging
        entries = sorted(staging.iterdir(), key=lambda path: (path.name == last, path.name))
        if [path.name for path in entries][-1:] != [last]:
            raise AssertionError(f"{staging} was left without {last}")
        for path in entries:
            _sync(path)
        (folder / last).unlink(missing_ok=True)
        for path in entries:
            _replace(path, folder / path.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def add_staged(folder: Path, staging: Path) -> None:
    """Write into ``staging`` the manifest of ``folder``, with the checksums of the files in ``staging`` added."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        manifest["artefacts"] = dict(sorted((manifest["artefacts"] | checksums(staging)).items()))
        write_json(staging / MANIFEST, manifest)


@contextlib.contextmanager
def lock(path: Path, busy: str = "another run of this profile is at work; waiting for it to end") -> Iterator[None]:
    """Hold an exclusive lock on the file ``path``. If another process holds it, log ``busy`` and wait."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.warning("%s", busy)
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(path, file):  # otherwise the file was deleted, and another run may have locked a new one
                yield
                return


def _is_still(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def write_json(path: Path, data: object) -> None:
    """Write ``data`` as indented JSON, atomically."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 atomically: write a temporary file, then rename it. Make the folder if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        _sync(temporary)


def read_json(path: Path) -> Any:
    """Return the content of a file. A file that is missing or not JSON raises an `ArtefactError`."""
    require(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path}: expected JSON ({error}); delete it and run `{command_for(path)}`") from error


def require(path: Path) -> Path:
    """Return ``path``. If it is missing, raise an `ArtefactError` that names the command that makes it."""
    if not path.exists():
        raise ArtefactError(f"{path}: no such file; run `{command_for(path)}` first")
    return path


def command_for(path: Path) -> str:
    """Return the `make` command that writes the file ``path``, for use in error messages."""
    makers = (command for command, names in _MAKES.items() if any(fnmatch(path.name, name) for name in names))
    return next(makers, "make preprocess train evaluate")


def require_input(path: Path, option: str) -> Path:
    """Return the file ``path``. If it is missing, raise an `InputError` that names the ``option`` for it."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give an existing one with {option}")
    return path


def _sync(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _replace(source: Path, target: Path) -> None:
    """Rename ``source`` to ``target``. An existing folder is moved away first, because rename cannot replace it."""
    if target.is_dir() and not target.is_symlink():
        aside = target.with_name(f".staging-old-{target.name}-{os.getpid()}")
        target.rename(aside)
        source.rename(target)
        shutil.rmtree(aside)
    else:
        source.replace(target)
