"""The manifest of a model folder: what it was made from, and a checksum for every file in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.shared import publishing
from sentiment.common.table_files import checksum_of, find_files
from sentiment.errors import ArtefactError, InputError

MANIFEST = "manifest.json"
# What may lie in a model folder without being part of the model.
_BESIDE = (
    MANIFEST,
    ".checkpoint.npz",
    ".checkpoint-nothing.npz",
    "bench.json",
    "bench.md",
    "bench.svg",
    "crossvalidation.json",
    "curve.json",
    "curve.svg",
)
_FOLDERS_BESIDE = ("logs/", "ablation/")


@dataclass(frozen=True, slots=True)
class Findings:
    """What is not as the manifest says: names of files, and lines about the inputs."""

    differing: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    changed_inputs: tuple[str, ...]
    absent_inputs: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many things are wrong; an input that is no longer there is none, it cannot be checked."""
        return sum(map(len, (self.differing, self.missing, self.extra, self.changed_inputs)))


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder``, by its path in there; of a link, where it points."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in paths}


def _checksum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink().as_posix()}"
    return publishing.sha256(path) if path.is_file() else "not a file"  # a pipe would never end


def add_staged(folder: Path, staging: Path) -> None:
    """Put into ``staging`` the manifest of ``folder``, if it has one, with what is staged so far added."""
    if (folder / MANIFEST).exists():
        manifest = read(folder)
        manifest["artefacts"] = dict(sorted((manifest["artefacts"] | checksums(staging)).items()))
        publishing.write_json(staging / MANIFEST, manifest)


def known_of_corpus(profile: Mapping[str, Any], checksum: str) -> dict[str, Any]:
    """What a profile says of its corpus, for the model card; nothing, where it says so of another file.

    Args:
        profile: its tables; ``about`` may name the SHA-256 of the one file it speaks of.
        checksum: of the file that was trained on.
    """
    about = profile.get("about", {})
    speaks_of_it = about.get("sha256", checksum) == checksum
    return {name: text for name, text in about.items() if name != "sha256"} if speaks_of_it else {}


def corpus_inputs(loaded: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What `load.json` says a corpus was read from: one file, or several, the first of them ``corpus``."""
    first = {"corpus": {"path": loaded["source"], "sha256": loaded["source_sha256"]}}
    further = enumerate(loaded.get("corpora", [])[1:], 2)
    return first | {f"corpus {i}": {"path": each["file"], "sha256": each["sha256"]} for i, each in further}


def check(folder: Path) -> Findings:
    """Compare a model folder, and the inputs it names, with its manifest.

    Raises:
        ArtefactError: there is no manifest, or it is not one.
    """
    manifest = read(folder)
    noted, inputs = manifest["artefacts"], _inputs(manifest["inputs"]) + _ancestors(manifest.get("parent"))
    found = {name: mark for name, mark in checksums(folder).items() if not _is_beside(name)}
    return Findings(
        differing=tuple(sorted(name for name in noted.keys() & found.keys() if noted[name] != found[name])),
        missing=tuple(sorted(noted.keys() - found.keys())),
        extra=tuple(sorted(found.keys() - noted.keys())),
        changed_inputs=tuple(line for line, path, mark in inputs if _is_there(path) and checksum_of(path) != mark),
        absent_inputs=tuple(line for line, path, _ in inputs if not _is_there(path)),
    )


def read(folder: Path) -> dict[str, Any]:
    """The manifest in ``folder``.

    Raises:
        ArtefactError: there is none, or it is not one.
    """
    path = folder / MANIFEST
    manifest = publishing.read_json(path)
    try:
        known = isinstance(manifest["artefacts"], dict) and bool(_inputs(manifest["inputs"]))
        _ancestors(manifest.get("parent"))
    except (KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise ArtefactError(f"{path}: not a manifest; run `make train` again")
    return dict(manifest)


def _is_there(path: Path) -> bool:
    """Whether there is an input to be checked: a file, or those of a folder or a pattern."""
    try:
        return all(file.path.is_file() for file in find_files(path))
    except InputError:
        return False


def _is_beside(name: str) -> bool:
    return name in _BESIDE or name.startswith(_FOLDERS_BESIDE)


def _inputs(named: Mapping[str, Any]) -> list[tuple[str, Path, str]]:
    """A line about each input, its path and its checksum."""
    return [(f"{kind} {each['path']}", Path(each["path"]), each["sha256"]) for kind, each in named.items()]


def _ancestors(parent: Mapping[str, Any] | None) -> list[tuple[str, Path, str]]:
    """The files of the parent that a model was started from, what that was made from, and so on to the first."""
    lines: list[tuple[str, Path, str]] = []
    whose = "parent"
    while parent:
        both = [*_inputs(parent["files"]), *_inputs(parent.get("inputs", {}))]
        lines += [(f"{whose}'s {line}", path, mark) for line, path, mark in both]
        parent, whose = parent.get("parent"), f"{whose}'s parent"
    return lines
