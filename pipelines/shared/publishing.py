"""Writing artefacts so that nothing half-written ever stands under a final name."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from sentiment.common.checksums import sha256_of
from sentiment.errors import ArtefactError, InputError

log = logging.getLogger("pipelines")

# Artefact -> the command that makes it; with a star, all of an ending.
MADE_BY = {
    "tweets.parquet": "make preprocess",
    "load.json": "make preprocess",
    "lexicon.tsv": "make preprocess",
    "vocabulary.txt": "make preprocess",
    "preprocessing.json": "make preprocess",
    "encoded.json": "make preprocess",
    "*.ids.npy": "make preprocess",
    "*.labels.npy": "make preprocess",
    "embedding_matrix.npy": "make preprocess",
    "coverage.json": "make preprocess",
    "model.keras": "make train",
    "training.json": "make train",
    "settings.json": "make train",
    "manifest.json": "make train",
    "seen.npy": "make train",
    "metrics.json": "make evaluate",
    "predictions.csv": "make evaluate",
    "behaviour.json": "make evaluate",
    "crossvalidation.json": "make crossvalidate",
    "curve.json": "make curve",
}


@contextlib.contextmanager
def publish(folder: Path, last: str) -> Iterator[Path]:
    """Give a staging folder to write into; at the end its entries replace those of ``folder``, ``last`` last.

    ``last`` is the entry that Make looks at: it is removed before the first replacement, so that a run killed in
    the middle is seen as not done. If the body fails, ``folder`` stays as it was.
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


@contextlib.contextmanager
def lock(path: Path, busy: str = "another run of this profile is at work; waiting for it to end") -> Iterator[None]:
    """Hold ``path`` so that a second run waits, saying ``busy``, until the first is done; the file stays."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.warning("%s", busy)
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(path, file):  # else it was removed meanwhile, and a third run may hold the one there is now
                yield
                return


def _is_still(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def write_json(path: Path, data: object) -> None:
    """Write ``data`` as indented JSON, by way of a temporary name."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 ``text`` by way of a temporary name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path, made_by: str = "") -> Any:
    """Read an artefact; ``made_by`` is the command to run where it is missing, as in :func:`require`.

    Raises:
        ArtefactError: it is missing or not JSON.
    """
    require(path, made_by)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ArtefactError(
            f"{path}: expected JSON ({error}); delete it and run `{made_by or command_for(path)}`"
        ) from error


def require(path: Path, made_by: str = "") -> Path:
    """``path``, if it is there.

    Raises:
        ArtefactError: it is not; the command to run is ``made_by``, or that of :func:`command_for`.
    """
    if not path.exists():
        raise ArtefactError(f"{path}: no such file; run `{made_by or command_for(path)}` first")
    return path


def command_for(path: Path) -> str:
    """The command that makes an artefact: that of its name in ``MADE_BY``, or of its ending; of any other, all do."""
    by_ending = MADE_BY.get("*" + "".join(path.suffixes[-2:]), "make preprocess train evaluate")
    return MADE_BY.get(path.name, by_ending)


def require_input(path: Path, option: str) -> Path:
    """``path``, if it is a file that can be read.

    Raises:
        InputError: it is not.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give an existing one with {option}")
    return path


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, or of a folder's files and their names in order."""
    if path.is_dir():
        whole = hashlib.sha256()
        for child in sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()):
            whole.update(f"{child.relative_to(path).as_posix()}\0{sha256(child)}\n".encode())
        return whole.hexdigest()
    return sha256_of(path)


def _sync(path: Path) -> None:
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _replace(source: Path, target: Path) -> None:
    """Rename onto ``target``; a folder there is first moved aside, since rename cannot replace one that is full."""
    if target.is_dir() and not target.is_symlink():
        aside = target.with_name(f".staging-old-{target.name}-{os.getpid()}")
        target.rename(aside)
        source.rename(target)
        shutil.rmtree(aside)
    else:
        source.replace(target)
