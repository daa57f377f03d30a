"""Folders of this machine and of object stores, through `pyarrow.fs`, which needs no package for S3 and GCS."""

import glob
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pyarrow as pa
from pyarrow import fs

from sentiment.errors import InputError

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class FileStore:
    """A folder of this machine or of an object store.

    Attributes:
        system: the file system, which can be pickled.
        root: path of the folder, without a slash at the end.
    """

    system: fs.FileSystem
    root: str

    @property
    def is_local(self) -> bool:
        """Return whether the folder is in a file system of this machine."""
        return isinstance(self.system, fs.LocalFileSystem)

    def path(self, name: str) -> str:
        """Return the path of ``name``, which is relative to the folder."""
        return f"{self.root}/{name}"

    def files(self) -> Iterator[fs.FileInfo]:
        """Return all files below the folder; none if the folder is missing."""
        selector = fs.FileSelector(self.root, recursive=True, allow_not_found=True)
        return (info for info in self.system.get_file_info(selector) if info.is_file)

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None if it is missing."""
        try:
            with self.system.open_input_stream(self.path(name)) as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file atomically. A local file gets its name when it is complete, as any object does."""
        if not self.is_local:
            self._upload(pa.BufferReader(content), name)
            return
        temporary = self._in_its_folder(f"{name}.{secrets.token_hex(4)}.tmp")
        with open(temporary, "wb") as file:
            file.write(content)
        os.replace(temporary, self.path(name))

    def publish(self, source: str, name: str) -> None:
        """Move the local file ``source``, which is in the same file system as a local store, to ``name`` atomically."""
        if self.is_local:
            os.replace(source, self._in_its_folder(name))
            return
        with pa.OSFile(source, "rb") as file:
            self._upload(file, name)
        os.unlink(source)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        try:
            self.system.delete_file(self.path(name))
        except FileNotFoundError:
            return

    def _in_its_folder(self, name: str) -> str:
        """Return the path of ``name``, after its folder has been made."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        return self.path(name)

    def _upload(self, source: pa.NativeFile, name: str) -> None:
        with self.system.open_output_stream(self.path(name), compression=None) as sink:
            while block := source.read(_BLOCK_BYTES):
                sink.write(block)


def open_store(place: str) -> FileStore:
    """Return the folder (or file) with a path, or with an address like ``s3://bucket/folder``.

    Raises:
        InputError: pyarrow cannot open the address.
    """
    if "://" not in place:
        return FileStore(fs.LocalFileSystem(), os.path.abspath(place))
    try:
        system, path = fs.FileSystem.from_uri(place)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{place}: expected a path or an address such as s3://bucket/folder ({reason})") from error
    return FileStore(system, path.rstrip("/"))


def etag_of(system: fs.FileSystem, path: str) -> str:
    """Return the tag by which an object store names the content of an object; empty for a local file.

    Raises:
        OSError: the object cannot be opened.
    """
    if isinstance(system, fs.LocalFileSystem):
        return ""
    with system.open_input_file(path) as file:
        metadata = file.metadata() or {}
    return next((value.decode() for key, value in metadata.items() if key.lower() == "etag"), "")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files that one INPUT stands for.

    Attributes:
        system: their file system.
        base: the folder that their names are relative to: a folder itself, a file's folder, or the folder before the
            first wildcard of a pattern.
        files: the files, sorted by path.
    """

    system: fs.FileSystem
    base: str
    files: tuple[fs.FileInfo, ...]


def list_input(place: str, is_wanted: Callable[[str, bool], bool], expected: str) -> Listing:
    """Return the files that are wanted in a folder or among those that match a pattern, or the one file at ``place``.

    Below a folder, names that begin with ``_`` or ``.`` are left out, because programs keep notes there.

    Args:
        place: path or address of a file or a folder, or a pattern.
        is_wanted: whether to take a file by its path, and by whether the user has chosen its name.
        expected: the names that are taken, for messages.

    Raises:
        InputError: there is no such file, or the one file is not wanted.
    """
    folder, pattern = split_pattern(place)
    store = open_store(folder)
    info = store.system.get_file_info(store.root)
    if not pattern and info.is_file:
        if not is_wanted(info.path, True):
            raise InputError(f"{place}: expected a name that ends in {expected}")
        return Listing(store.system, store.root.rpartition("/")[0], (info,))
    if not pattern and info.type == fs.FileType.NotFound and store.is_local:
        raise InputError(f"{place}: no such file or folder")
    wildcards, is_chosen = _wildcards(pattern), bool(pattern)
    files = [each for each in store.files() if is_wanted(each.path, is_chosen) and _is_wanted(each, store, wildcards)]
    if not files:
        raise InputError(f"{place}: expected files that end in {expected}, found none")
    return Listing(store.system, store.root, tuple(sorted(files, key=lambda info: info.path)))


def split_pattern(place: str) -> tuple[str, str]:
    """Return the folder before the first ``*``, ``?`` or ``[``, and the pattern from there; empty for a plain path.

    In an address ``?`` is no wildcard: it begins the options of the store, which stay with the folder.
    """
    address, mark, query = place.partition("?") if "://" in place else (place, "", "")
    if not glob.has_magic(address) or ("://" not in place and os.path.exists(place)):
        return place, ""
    names = address.split("/")
    first = next(i for i, name in enumerate(names) if glob.has_magic(name))
    folder = "/".join(names[:first]) or ("/" if place.startswith("/") else ".")
    return folder + mark + query, "/".join(names[first:])


def may_list(place: str, store: FileStore) -> bool:
    """Return whether :func:`list_input` of ``place`` could find a file below the folder ``store``."""
    folder, pattern = split_pattern(place)
    outer = open_store(folder)
    if outer.system != store.system or not f"{store.root}/".startswith(f"{outer.root.rstrip('/')}/"):
        return False
    names = _names(store.root, outer)
    return not _is_note(names) and _may_match_below(names, _wildcards(pattern))


def _is_wanted(info: fs.FileInfo, store: FileStore, wildcards: Sequence[str]) -> bool:
    names = _names(info.path, store)
    return not _is_note(names) and _matches(names, wildcards)


def _names(path: str, store: FileStore) -> list[str]:
    """Return the names of folders and file that lead from the store to a path."""
    return [name for name in path.removeprefix(store.root).split("/") if name]


def _wildcards(pattern: str) -> list[str]:
    return pattern.split("/") if pattern else ["**"]


def _is_note(names: Sequence[str]) -> bool:
    return any(name.startswith(("_", ".")) for name in names)


def _matches(names: Sequence[str], wildcards: Sequence[str]) -> bool:
    """Return whether the parts of a path match those of a pattern; ``**`` matches any number of folders, also none."""
    if not wildcards:
        return not names
    if wildcards[0] == "**":
        return any(_matches(names[i:], wildcards[1:] or ["*"]) for i in range(len(names)))
    return bool(names) and fnmatchcase(names[0], wildcards[0]) and _matches(names[1:], wildcards[1:])


def _may_match_below(names: Sequence[str], wildcards: Sequence[str]) -> bool:
    """Return whether a pattern can match a file somewhere below the folder with these names."""
    if not names or not wildcards:
        return bool(wildcards)
    if wildcards[0] == "**":
        return any(_may_match_below(names[i:], wildcards[1:] or ["*"]) for i in range(len(names) + 1))
    return fnmatchcase(names[0], wildcards[0]) and _may_match_below(names[1:], wildcards[1:])
