"""Read and write local folders and object stores with `pyarrow.fs`, which needs no further package for S3 and GCS."""

import contextlib
import glob
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import fs

from sentiment.common.file_checks import replacing
from sentiment.errors import InputError

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class FileStore:
    """A folder, local or of an object store: its path ``root`` (without a slash at the end) in a file ``system``."""

    system: fs.FileSystem
    root: str

    @property
    def is_local(self) -> bool:
        """Return whether the folder is in a local file system."""
        return isinstance(self.system, fs.LocalFileSystem)

    def path(self, name: str) -> str:
        """Return the full path of ``name``, a path relative to this folder."""
        return f"{self.root}/{name}"

    def files(self) -> Iterator[fs.FileInfo]:
        """Return all files in the folder and its subfolders; none if the folder is missing."""
        selector = fs.FileSelector(self.root, recursive=True, allow_not_found=True)
        return (info for info in self.system.get_file_info(selector) if info.is_file)

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None if the file or the folder is missing."""
        try:
            with self.system.open_input_stream(self.path(name)) as file:
                return bytes(file.read())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file atomically. A local file is renamed when complete; object stores write atomically."""
        if not self.is_local:
            self._upload(pa.BufferReader(content), name)
            return
        with replacing(Path(self._in_its_folder(name))) as temporary:
            temporary.write_bytes(content)

    def publish(self, source: str, name: str) -> None:
        """Move the local file ``source`` to ``name`` atomically. A local target must be on the same file system."""
        if self.is_local:
            os.replace(source, self._in_its_folder(name))
            return
        with pa.OSFile(source, "rb") as file:
            self._upload(file, name)
        os.unlink(source)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with contextlib.suppress(FileNotFoundError):
            self.system.delete_file(self.path(name))

    def _in_its_folder(self, name: str) -> str:
        """Create the parent folder of the file ``name`` if necessary, and return the full path of the file."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        return self.path(name)

    def _upload(self, source: pa.NativeFile, name: str) -> None:
        with self.system.open_output_stream(self.path(name), compression=None) as sink:
            shutil.copyfileobj(source, sink, _BLOCK_BYTES)


def open_store(place: str) -> FileStore:
    """Return the store for a path, or an address such as ``s3://bucket/folder``; refuse what pyarrow cannot open."""
    if "://" not in place:
        return FileStore(fs.LocalFileSystem(), os.path.abspath(place))
    try:
        system, path = fs.FileSystem.from_uri(place)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{place}: expected a path or an address such as s3://bucket/folder ({reason})") from error
    return FileStore(system, path.rstrip("/"))


def etag_of(system: fs.FileSystem, path: str) -> str:
    """Return the ETag of a stored object, which changes with its content; empty if there is none, or for a local file.

    Raises:
        OSError: the object cannot be opened.
    """
    if isinstance(system, fs.LocalFileSystem):
        return ""
    with system.open_input_file(path) as file:
        metadata = file.metadata() or {}
    return next((value.decode() for key, value in metadata.items() if key.lower() == "etag"), "")


class Listing(NamedTuple):
    """The input ``files`` that one path, address or pattern stands for, sorted by path, and their file ``system``.

    ``base`` is the folder that contains them: for a pattern, the folder before the first wildcard.
    """

    system: fs.FileSystem
    base: str
    files: tuple[fs.FileInfo, ...]


def list_input(place: str, is_wanted: Callable[[str, bool], bool], expected: str) -> Listing:
    """List the input files at ``place``: one file, the files of a folder, or the files that match a pattern.

    In folders, names that begin with ``_`` or ``.`` are skipped, because programs store their own files under them.

    Args:
        place: the path or address of a file or folder, or a pattern with wildcards.
        is_wanted: returns whether to include a file, given its path and whether the user chose it. A file is chosen if
            the user names it or a pattern that matches it, not if it is found in a folder.
        expected: the accepted endings of file names, used in error messages.

    Raises:
        InputError: no file was found, or the one file at ``place`` is not wanted.
    """
    try:
        return _listed(place, is_wanted, expected)
    except UnicodeError as error:
        received = str(error.args[1])  # the path that Arrow cannot encode or decode
        raise InputError(f"{place}: expected names of files in UTF-8, received {received:.200}; rename it") from error


def _listed(place: str, is_wanted: Callable[[str, bool], bool], expected: str) -> Listing:
    folder, pattern = split_pattern(place)
    store = open_store(folder)
    info = store.system.get_file_info(store.root)
    if not pattern and info.is_file:
        if not is_wanted(info.path, True):
            raise InputError(f"{place}: expected a name that ends in {expected}")
        return Listing(store.system, store.root.rpartition("/")[0], (info,))
    if not pattern and info.type == fs.FileType.NotFound and store.is_local:
        raise InputError(f"{place}: no such file or folder")
    if not pattern and info.type == fs.FileType.Unknown:
        raise InputError(f"{place}: expected a file or a folder, received a device or a pipe; write it into a file")
    wanted = (file for file in store.files() if is_wanted(file.path, bool(pattern)))
    files = [file for file in wanted if _is_listed(file.path, store, pattern)]
    if not files:
        raise InputError(f"{place}: expected files that end in {expected}, found none")
    return Listing(store.system, store.root, tuple(sorted(files, key=lambda info: info.path)))


def split_pattern(place: str) -> tuple[str, str]:
    """Split a path or address into folder and pattern, which begins at the first name with a wildcard (one of ``*?[``).

    In an address, ``?`` is not a wildcard but begins the options of the store, which become the end of the folder.
    """
    address, mark, query = place.partition("?") if "://" in place else (place, "", "")
    if not glob.has_magic(address) or ("://" not in place and os.path.exists(place)):
        return place, ""
    names = address.split("/")
    first = next(i for i, name in enumerate(names) if glob.has_magic(name))
    folder = "/".join(names[:first]) or ("/" if place.startswith("/") else ".")
    return folder + mark + query, "/".join(names[first:])


def may_list(place: str, store: FileStore) -> bool:
    """Return whether ``place``, a path or a pattern, could stand for ``store``, a file or a folder, or files in it."""
    folder, pattern = split_pattern(place)
    outer = open_store(folder)
    if outer.system != store.system or not f"{store.root}/".startswith(f"{outer.root.rstrip('/')}/"):
        return False
    return any(_is_listed(store.root, outer, pattern, below) for below in (False, True))


def _is_listed(path: str, store: FileStore, pattern: str, below: bool = False) -> bool:
    """Return whether ``path``, in the folder ``store``, is an input file.

    Its part below this folder must match ``pattern``, and no name in it may begin with ``_`` or ``.``. With ``below``,
    ``path`` is a folder, and the result tells whether a file inside could be an input.
    """
    names = [name for name in path.removeprefix(store.root).split("/") if name]
    is_note = any(name.startswith(("_", ".")) for name in names)
    return not is_note and _matches(names, (pattern or "**").split("/"), below)


def _matches(names: Sequence[str], wildcards: Sequence[str], below: bool) -> bool:
    """Return whether a path (with ``below``, a file in this folder) can match a pattern, both split at slashes."""
    if not names or not wildcards:
        return bool(wildcards) if below else not (names or wildcards)
    if wildcards[0] == "**":
        return any(_matches(names[i:], wildcards[1:] or ["*"], below) for i in range(len(names) + 1))
    return fnmatchcase(names[0], wildcards[0]) and _matches(names[1:], wildcards[1:], below)
