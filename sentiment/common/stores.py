"""Where inputs lie and answers go: this machine's files and object stores, by way of ``pyarrow.fs``."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pyarrow as pa
from pyarrow import fs

from sentiment.errors import InputError

_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Store:
    """A folder, here or in an object store.

    Attributes:
        system: what reads and writes it; can be pickled.
        root: its path there, without a slash at the end.
    """

    system: fs.FileSystem
    root: str

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine (or one that looks like it)."""
        return isinstance(self.system, fs.LocalFileSystem)

    def path(self, name: str) -> str:
        """The path of ``name``, which is relative to the folder."""
        return f"{self.root}/{name}"

    def files(self) -> Iterator[fs.FileInfo]:
        """All files below, at any depth; none where the folder is missing."""
        selector = fs.FileSelector(self.root, recursive=True, allow_not_found=True)
        return (info for info in self.system.get_file_info(selector) if info.is_file)

    def read(self, name: str) -> bytes | None:
        """The whole of a small file; None where it is missing."""
        try:
            with self.system.open_input_stream(self.path(name)) as file:
                return bytes(file.read())
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file as one: by way of a temporary name, unless the store does so itself."""
        target = self.path(name)
        temporary = f"{target}.{os.getpid()}.tmp" if self.is_local else target
        if self.is_local:
            self.make_folder_of(target)
        with self.system.open_output_stream(temporary, compression=None) as file:
            file.write(content)
        if self.is_local:
            os.replace(temporary, target)

    def publish(self, source: str, name: str) -> None:
        """Make the local file ``source`` the file ``name``, whole or not at all; ``source`` is gone afterwards."""
        target = self.path(name)
        if self.is_local:
            self.make_folder_of(target)
            os.replace(source, target)
            return
        with pa.OSFile(source, "rb") as file, self.system.open_output_stream(target, compression=None) as sink:
            while block := file.read(_BLOCK_BYTES):
                sink.write(block)
        os.unlink(source)

    def make_folder_of(self, path: str) -> None:
        """The folder that ``path`` lies in, unless it is there."""
        self.system.create_dir(path.rpartition("/")[0], recursive=True)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            self.system.delete_file(self.path(name))
        except FileNotFoundError:
            return


def open_store(place: str) -> Store:
    """The folder (or file) that a path or an address such as ``s3://bucket/folder`` names.

    Raises:
        InputError: it is no address that pyarrow can open.
    """
    if "://" not in place:
        return Store(fs.LocalFileSystem(), os.path.abspath(place))
    try:
        system, path = fs.FileSystem.from_uri(place)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{place}: expected a path or an address such as s3://bucket/folder ({reason})") from error
    return Store(system, path.rstrip("/"))


def etag_of(system: fs.FileSystem, path: str) -> str:
    """What an object store calls the content of an object, which listings of pyarrow's lack; empty for plain files.

    Raises:
        OSError: it cannot be opened.
    """
    if isinstance(system, fs.LocalFileSystem):
        return ""
    with system.open_input_file(path) as file:
        told = file.metadata() or {}
    return next((value.decode() for key, value in told.items() if key.lower() == "etag"), "")


@dataclass(frozen=True, slots=True)
class Listing:
    """What one INPUT names.

    Attributes:
        system: where it lies.
        base: the folder that names are given relative to: the folder itself, a file's, or what precedes a pattern.
        files: what it holds, by path.
    """

    system: fs.FileSystem
    base: str
    files: tuple[fs.FileInfo, ...]


def list_input(place: str, suffixes: tuple[str, ...]) -> Listing:
    """Files with one of the ``suffixes`` that a folder holds or a pattern matches, or the one file that is named.

    As elsewhere, names that begin with ``_`` or ``.`` are notes beside the data, and left out of folders.

    Raises:
        InputError: there is none, or a file that is named itself has no such suffix.
    """
    plain, mark = _without_pattern(place)
    store = open_store(plain)
    info = store.system.get_file_info(store.root)
    if not mark and info.is_file:
        if not info.path.endswith(suffixes):
            raise InputError(f"{place}: expected a name that ends in {', '.join(suffixes)}")
        return Listing(store.system, store.root.rpartition("/")[0], (info,))
    if not mark and info.type == fs.FileType.NotFound and store.is_local:
        raise InputError(f"{place}: no such file or folder")
    found = [info for info in store.files() if info.path.endswith(suffixes) and _is_data(info.path, store.root)]
    if mark:
        pattern = f"{store.root}/{mark}"
        found = [info for info in found if _matches(info.path, pattern)]
    if not found:
        raise InputError(f"{place}: expected files that end in {', '.join(suffixes)}, found none")
    return Listing(store.system, store.root, tuple(sorted(found, key=lambda info: info.path)))


def _without_pattern(place: str) -> tuple[str, str]:
    """The folder before the first ``*``, ``?`` or ``[``, and the pattern from there; in an address ``?`` is none."""
    marks = "*[" if "://" in place else "*?["
    if "://" not in place and (os.path.exists(place) or not glob.has_magic(place)):
        return place, ""
    first = min((place.index(mark) for mark in marks if mark in place), default=-1)
    if first < 0:
        return place, ""
    folder, _, _ = place[:first].rpartition("/")
    query = place.find("?") if "://" in place else -1  # options of the store go with its address
    end = query if query > 0 else len(place)
    options = place[query:] if query > 0 else ""
    return (folder or ("." if not place.startswith("/") else "/")) + options, place[len(folder) : end].lstrip("/")


def _matches(path: str, pattern: str) -> bool:
    """``**`` matches folders too, other marks match within one name."""
    if "**" in pattern:
        return fnmatchcase(path, pattern)
    names, marks = path.split("/"), pattern.split("/")
    return len(names) == len(marks) and all(map(fnmatchcase, names, marks))


def _is_data(path: str, root: str) -> bool:
    return not any(name.startswith(("_", ".")) for name in path.removeprefix(root).strip("/").split("/"))
