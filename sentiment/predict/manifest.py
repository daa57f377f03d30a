"""The manifest of a model folder: what the model was made from, and a checksum for every file in the folder."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment.common.checksums import sha256_of
from sentiment.errors import ArtefactError
from sentiment.predict.model_files import MANIFEST, open_model


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
    """Return how messages call each input, its path and its checksum.

    The files and inputs of the base model, of its own base model, and so on, are inputs too.

    Raises:
        KeyError, TypeError, AttributeError: it is not a manifest.
    """
    lines, base, whose = _inputs(manifest["inputs"]), manifest.get("base_model"), "base model"
    while base:
        both = [*_inputs(base["files"]), *_inputs(base.get("inputs", {}))]
        lines += [(f"{whose}'s {line}", path, mark) for line, path, mark in both]
        base, whose = base.get("base_model"), f"{whose}'s base model"
    return lines


def _inputs(named: Mapping[str, Any]) -> list[tuple[str, Path, str]]:
    return [(f"{kind} {each['path']}", Path(each["path"]), each["sha256"]) for kind, each in named.items()]
