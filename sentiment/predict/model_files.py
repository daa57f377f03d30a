"""Access to the files of a trained model, in a folder or in an archive that `sentiment pack` made.

One of the files is the manifest: the inputs that the model was made from, and a checksum of each file.
"""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sentiment.common.file_checks import DAMAGED, sha256_of
from sentiment.errors import ArtefactError
from sentiment.text.file_names import FILES

if TYPE_CHECKING:
    import zipfile

TABLE, WEIGHTS = "table.npy", "weights.npz"
# Export writes it last: the classes, some settings of the network, and checksums of all files including itself.
MODEL = "model.json"
# The chunk table, where there is one, makes the text preprocessing faster and changes no answer.
CHUNKS, CHUNK_IDS = "chunks.npy", "chunk_ids.npy"
OPTIONAL = (CHUNKS, CHUNK_IDS)
CHECKED = (*FILES, WEIGHTS, TABLE)
CARD, MANIFEST = "README.md", "manifest.json"
_ARCHIVED = {MODEL, *CHECKED, *OPTIONAL, CARD, MANIFEST}
_REMEDY = "expected what `sentiment pack` makes: fetch it again, or pack the model again"
_MOST_BYTES = 1 << 27  # largest file that is decompressed into memory
# The fixed part of a zip member's header, and in it the lengths of the name and of the extra field.
HEADER_BYTES, _SIZES = 30, slice(26, 30)


# The content of a file: an open file, the first byte of the content, and its size in bytes.
Extent = tuple[IO[bytes], int, int]


class ModelFiles:
    """The files of a model folder; ``place`` is the path of the folder."""

    def __init__(self, place: str) -> None:
        self.place = place

    def path(self, name: str) -> str:
        """Return the path of a file, for messages."""
        return os.path.join(self.place, name)

    def names(self) -> list[str]:
        """Return the names of the existing files that prediction uses."""
        return [name for name in (MODEL, *CHECKED, *OPTIONAL) if os.path.isfile(self.path(name))]

    def read(self, name: str) -> bytes:
        """Return the content of a file. A file that cannot be read raises an `OSError`."""
        with open(self.path(name), "rb") as file:
            return file.read()

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Extent]:
        """Open a file for memory mapping: yield it, the offset of its content (0 here) and its size in bytes."""
        with open(self.path(name), "rb") as file:
            yield file, 0, os.fstat(file.fileno()).st_size


class PackedFiles(ModelFiles):
    """The files of a model in an archive.

    Nothing is unpacked to disk, so a file name such as ``../x`` does no harm. The large ``table.npy`` must be stored
    without compression, because it is mapped into memory. Compressed files are unpacked in memory, so must be small.
    A damaged archive, and one with files that do not belong to a model, raises an `ArtefactError`.
    """

    def __init__(self, place: str, file: IO[bytes]) -> None:
        import zipfile

        super().__init__(place)
        self._file = file
        try:
            self._archive = zipfile.ZipFile(file)
        except DAMAGED as error:
            raise ArtefactError(f"{place}: is no archive or a part of one ({error}); {_REMEDY}") from error
        self._members = {member.filename: member for member in self._archive.infolist()}
        problems = [line for member in self._archive.infolist() if (line := _problem_of(member))]
        if len(self._members) < len(self._archive.infolist()):
            problems.append("contains a name twice")
        if problems:
            raise ArtefactError(f"{place}: {problems[0]}; {_REMEDY}")

    def names(self) -> list[str]:
        """Return the names of all files in the archive."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """Return the decompressed content of a file. A damaged file raises an `ArtefactError`."""
        with self._reporting_damage(name):
            return self._archive.read(self._member(name))

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Extent]:
        """Open a file without unpacking it: yield the archive, and the file's offset and size in it, in bytes."""
        member = self._member(name)
        with self._reporting_damage(name):
            self._archive.open(member).close()  # compares the member's header with the archive's directory
            self._file.seek(member.header_offset)
            sizes = self._file.read(HEADER_BYTES)[_SIZES]
        start = member.header_offset + HEADER_BYTES
        start += int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
        yield self._file, start, member.file_size

    def _member(self, name: str) -> "zipfile.ZipInfo":
        if name not in self._members:
            raise FileNotFoundError(2, "not in the archive", self.path(name))
        return self._members[name]

    @contextlib.contextmanager
    def _reporting_damage(self, name: str) -> Iterator[None]:
        try:
            yield
        except DAMAGED as error:
            raise ArtefactError(f"{self.path(name)}: damaged ({error}); {_REMEDY}") from error


def _problem_of(member: "zipfile.ZipInfo") -> str:
    """Return why `sentiment pack` cannot have written this member of an archive; empty if nothing is wrong."""
    name, is_stored = member.filename, not member.compress_type
    if name not in _ARCHIVED:
        return f"contains {name[:100]!r}, which is no file of a model"
    if stat.S_ISLNK(member.external_attr >> 16):
        return f"contains {name} as a link"
    if member.flag_bits & 1:
        return f"contains {name} with a password"
    if name == TABLE and not is_stored:
        return f"contains {name} compressed"
    if not is_stored and member.file_size > _MOST_BYTES:
        return f"contains {name}, which would take {member.file_size:,} bytes of memory"
    return ""


@contextlib.contextmanager
def open_model(place: str | os.PathLike[str]) -> Iterator[ModelFiles]:
    """Open the model folder or archive at ``place``.

    Raises:
        ArtefactError: the archive is damaged, or contains files that do not belong to a model.
        OSError: the archive cannot be opened.
    """
    name = os.fspath(place)
    if not os.path.isfile(name):
        yield ModelFiles(name)
        return
    with open(name, "rb") as file:
        yield PackedFiles(name, file)


def read_description(files: ModelFiles) -> bytes:
    """Return the content of ``model.json``. If it cannot be read, there is no model: raise an `ArtefactError`."""
    try:
        return files.read(MODEL)
    except OSError as error:
        raise ArtefactError(
            f"{files.place}: no model here ({os.path.abspath(files.path(MODEL))}: {str(error.strerror).lower()}); "
            "name a model folder, or run `make preprocess train evaluate` in a checkout to make one"
        ) from error


def model_checksum(folder: Path) -> str:
    """Return the SHA-256 of ``model.json``, which contains the checksums of all files that affect answers.

    Raises:
        ArtefactError: ``folder`` contains no model.
    """
    with open_model(folder) as files:
        return hashlib.sha256(read_description(files)).hexdigest()


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
    """Return a model's manifest: its inputs and its files' checksums. If missing or damaged, raise `ArtefactError`."""
    path = folder / MANIFEST
    try:
        with open_model(folder) as files:
            content = files.read(MANIFEST)
    except FileNotFoundError as error:
        raise ArtefactError(f"{path}: no such file; run `make train` first") from error
    with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError, RecursionError):
        manifest = dict(json.loads(content))
        if isinstance(manifest["artefacts"], dict) and manifest["inputs"] and named_inputs(manifest):
            return manifest
    raise ArtefactError(f"{path}: not a manifest; run `make train` again")


def _checksum(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink().as_posix()}"
    return sha256_of(path) if path.is_file() else "not a file"  # reading a named pipe would never end


def named_inputs(manifest: Mapping[str, Any]) -> list[tuple[str, Path, str]]:
    """Return the inputs that a manifest names, from which the model was made: name for messages, path and SHA-256.

    For a fine-tuned model, the files and inputs of the base model are included, and of the base model's base model.

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
