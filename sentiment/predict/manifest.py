"""The manifest of a model folder: what the model was made from, and a checksum for every file in the folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from sentiment.common.checksums import sha256_of
from sentiment.data.table_files import checksum_of, find_files
from sentiment.errors import ArtefactError, InputError
from sentiment.predict.model_files import MANIFEST, open_model

# Files that commands of this project write into a model folder without making them part of the model.
_BESIDE = (
    MANIFEST,
    ".checkpoint*.npz",
    ".staging-*/*",
    "bench*.*",
    "crossvalidation.json",
    "curve.json",
    "curve.svg",
    "logs/*",
    "ablation/*",
)


@dataclass(frozen=True, slots=True)
class ManifestFindings:
    """How a model folder differs from its manifest: names of files, and lines about inputs."""

    differing: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    changed_inputs: tuple[str, ...]
    absent_inputs: tuple[str, ...]

    @property
    def count(self) -> int:
        """Return the number of differences; an absent input is none, because nobody can check it."""
        return sum(map(len, (self.differing, self.missing, self.extra, self.changed_inputs)))


def check_manifest(folder: Path) -> ManifestFindings:
    """Compare a model folder or archive, and the inputs that its manifest names, with the manifest.

    Raises:
        ArtefactError: the manifest is missing or damaged.
    """
    manifest = read_manifest(folder)
    noted, inputs = manifest["artefacts"], _inputs(manifest["inputs"]) + _base_models(manifest.get("parent"))
    found = {name: mark for name, mark in checksums(folder).items() if not _is_beside(name)}
    return ManifestFindings(
        differing=tuple(sorted(name for name in noted.keys() & found.keys() if noted[name] != found[name])),
        missing=tuple(sorted(noted.keys() - found.keys())),
        extra=tuple(sorted(found.keys() - noted.keys())),
        changed_inputs=tuple(line for line, path, mark in inputs if _exists(path) and checksum_of(path) != mark),
        absent_inputs=tuple(line for line, path, _ in inputs if not _exists(path)),
    )


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` by its relative path, and the target of every link.

    ``folder`` may be an archive that `sentiment pack` made.
    """
    if folder.is_file():
        with open_model(folder) as files:
            return {name: hashlib.sha256(files.read(name)).hexdigest() for name in files.names()}
    paths = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in paths}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of ``folder``.

    Raises:
        ArtefactError: the manifest is missing or damaged.
    """
    path = folder / MANIFEST
    try:
        with open_model(folder) as files:
            content = files.read(MANIFEST)
    except FileNotFoundError as error:
        raise ArtefactError(f"{path}: no such file; run `make train` first") from error
    try:
        manifest = dict(json.loads(content))
        known = isinstance(manifest["artefacts"], dict) and bool(_inputs(manifest["inputs"]))
        _base_models(manifest.get("parent"))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        known = False
    if not known:
        raise ArtefactError(f"{path}: not a manifest; run `make train` again")
    return manifest


def _checksum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink().as_posix()}"
    return sha256_of(path) if path.is_file() else "not a file"  # reading a named pipe would never end


def _exists(path: Path) -> bool:
    """Return whether an input is there: a file, or those of a folder or a pattern."""
    try:
        return all(file.path.is_file() for file in find_files(path))
    except InputError:
        return False


def _is_beside(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _BESIDE)


def _inputs(named: Mapping[str, Any]) -> list[tuple[str, Path, str]]:
    """Return for each input how messages call it, its path and its checksum."""
    return [(f"{kind} {each['path']}", Path(each["path"]), each["sha256"]) for kind, each in named.items()]


def _base_models(base: Mapping[str, Any] | None) -> list[tuple[str, Path, str]]:
    """Return the files and inputs of the base model, of its own base model, and so on."""
    lines: list[tuple[str, Path, str]] = []
    whose = "parent"
    while base:
        both = [*_inputs(base["files"]), *_inputs(base.get("inputs", {}))]
        lines += [(f"{whose}'s {line}", path, mark) for line, path, mark in both]
        base, whose = base.get("parent"), f"{whose}'s parent"
    return lines
