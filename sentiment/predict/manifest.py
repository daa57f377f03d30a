"""The manifest of a model folder: the inputs that the model was made from, and a checksum of each file."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment.common.file_checks import sha256_of
from sentiment.errors import ArtefactError
from sentiment.predict.model_files import MANIFEST, open_model


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in ``folder`` and its subfolders, by relative path.

    For a symbolic link, return its target instead. ``folder`` may also be an archive that `sentiment pack` made.
    """
    if folder.is_file():
        with open_model(folder) as files:
            return {name: hashlib.sha256(files.read(name)).hexdigest() for name in files.names()}
    paths = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in paths}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the content of a model's manifest. A missing or damaged manifest raises an `ArtefactError`."""
    path = folder / MANIFEST
    try:
        with open_model(folder) as files:
            content = files.read(MANIFEST)
    except FileNotFoundError as error:
        raise ArtefactError(f"{path}: no such file; run `make train` first") from error
    try:
        manifest = dict(json.loads(content))
        known = isinstance(manifest["artefacts"], dict) and bool(manifest["inputs"] and named_inputs(manifest))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        known = False
    if not known:
        raise ArtefactError(f"{path}: not a manifest; run `make train` again")
    return manifest


def _checksum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink().as_posix()}"
    return sha256_of(path) if path.is_file() else "not a file"  # reading a named pipe would never end


def named_inputs(manifest: Mapping[str, Any]) -> list[tuple[str, Path, str]]:
    """Return three values for each input in a manifest: its name for messages, its path and its SHA-256.

    The files and inputs of the base model count as inputs, and so do those of the base model's own base model.

    Raises:
        KeyError, TypeError, AttributeError: ``manifest`` is not a manifest.
    """
    lines, base, whose = _inputs(manifest["inputs"]), manifest.get("base_model"), "base model"
    while base:
        both = [*_inputs(base["files"]), *_inputs(base.get("inputs", {}))]
        lines += [(f"{whose}'s {line}", path, mark) for line, path, mark in both]
        base, whose = base.get("base_model"), f"{whose}'s base model"
    return lines


def _inputs(named: Mapping[str, Any]) -> list[tuple[str, Path, str]]:
    return [(f"{kind} {each['path']}", Path(each["path"]), each["sha256"]) for kind, each in named.items()]
