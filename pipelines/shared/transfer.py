"""Bring files in: a download that resumes, is verified and appears whole, and one member out of a zip.

Nothing partial ever has the final name. While `name` arrives, its bytes are in `name.part`, and
`name.part.source` says which version of which URL they belong to. `name.lock` keeps a second process out.
"""

import os
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from tqdm import tqdm

from pipelines.shared.publishing import lock
from sentiment.common import checksums
from sentiment.errors import InputError

BACKOFF_SECONDS = 0.5  # before the second request; doubled before each further one
HEADERS = {"User-Agent": "sentiment-pipelines", "Accept-Encoding": "identity"}
MAY_MEND = (408, 429, 500, 502, 503, 504)  # HTTP statuses worth a second request
UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, HTTPException, BadZipFile, zlib.error)
byte_bar = partial(tqdm, unit="B", unit_scale=True)


class _BrokenError(Exception):
    """The source failed while it was read; never the target, whose failures stay OSError."""


def fetch(
    url: str, target: Path, *, sha256: str | None, progress: bool = True,
    timeout: float = 60.0, attempts: int = 5,
) -> Path:  # fmt: skip
    """Bring a file to `target`, unless it is there already; resume what an earlier run left.

    Args:
        url: http(s) or file URL, or a plain local path.
        target: final name; its folder is made.
        sha256: expected checksum; None accepts any content, and any file that is there already.
        progress: show a bar on standard error.
        timeout: seconds to wait for a silent server.
        attempts: requests at most; an address that fails outright is asked once.

    Returns:
        `target`.

    Raises:
        InputError: If the file cannot be had, is not the expected one, or cannot be written.
    """
    part = target.with_name(target.name + ".part")
    # Asked before the lock too: a file that is there needs no folder that can be written.
    if not _is_there(target, sha256):
        with _writing(target):
            if not _is_there(target, sha256):
                _download(url, part, timeout, attempts, progress)
                _publish(part, target, url, sha256)
                _note(part).unlink(missing_ok=True)
    return target


def extract_member(
    archive: Path, member: str, target: Path, *, progress: bool = True, max_bytes: int = 20 * 2**30
) -> Path:
    """Write one member of a zip to `target`; the path inside the zip is never written to.

    Args:
        archive: zip file.
        member: exact name inside it.
        target: final name; its folder is made and an earlier file replaced.
        progress: show a bar on standard error.
        max_bytes: refuse a member larger than this.

    Returns:
        `target`.

    Raises:
        InputError: If archive or member is missing, damaged or unsafe, or `target` cannot be written.
    """
    temporary = target.with_name(target.name + ".tmp")
    with _writing(target):
        try:
            with temporary.open("wb") as handle:
                handle.writelines(_unzipped(archive, member, max_bytes, progress))
            _publish(temporary, target, member, None)
        finally:
            temporary.unlink(missing_ok=True)
    return target


def sha256_of(path: Path) -> str:
    """Hash a file in blocks.

    Args:
        path: file to read.

    Returns:
        SHA-256 as 64 lower-case hex digits.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        return checksums.sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, received '{error}'; check the path") from error


def _is_there(target: Path, sha256: str | None) -> bool:
    return os.path.isfile(target) and (sha256 is None or sha256_of(target) == sha256.lower())


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Make the folder, keep other processes out, and say in one line why a file cannot be written."""
    try:
        with lock(target.with_name(target.name + ".lock"), f"waiting for another process that is writing {target}"):
            yield
    except OSError as error:
        remedy = "make room there or choose another folder, then run again"
        raise InputError(f"{target}: expected to write it, received '{error}'; {remedy}") from error


def _download(url: str, part: Path, timeout: float, attempts: int, progress: bool) -> None:
    """Ask until the part is whole, building on what is there."""
    for attempt in range(1, attempts + 1):
        try:
            return _attempt(url, part, timeout, progress)
        except (URLError, _BrokenError) as error:
            reason = str(error)
            lasting = isinstance(error, URLError) and getattr(error, "code", 0) not in MAY_MEND
        # A wrong address, or a network that was never there, will not mend by waiting.
        if attempt == attempts or (attempt == 1 and lasting):
            break
        time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
    kept = f"{part.stat().st_size} bytes are kept in {part}" if part.exists() else "nothing is kept"
    remedy = "check the address, run again to go on from there, or pass a local copy"
    raise InputError(f"{url}: expected a file, received '{reason}' at request {attempt}; {kept}; {remedy}")


def _attempt(url: str, part: Path, timeout: float, progress: bool) -> None:
    offset, version = _resume_point(url, part)
    wanted = {"Range": f"bytes={offset}-", "If-Range": version} if offset else {}
    with _request(url, HEADERS | wanted, timeout) as response:
        given, _, size = response.headers.get("Content-Range", "").rpartition("/")
        if offset and response.status == 416 and size == str(offset):
            return  # nothing lies beyond: the part is whole
        resumes = response.status == 206 and given.startswith(f"bytes {offset}-")
        resumes = resumes and _version(response.headers) in ("", version)
        if not resumes:  # Range was ignored, the file changed, or it is a local one
            part.unlink(missing_ok=True)  # before the note: old bytes must never be noted as new
            if response.status not in (200, None):
                raise _BrokenError(f"status {response.status} '{given}' for bytes from {offset}")
            offset = 0
            _note(part).write_text(f"{url}\n{_version(response.headers)}", encoding="utf-8")
        length = response.headers.get("Content-Length", "")
        total = int(size) if size.isdigit() else offset + int(length) if length.isdigit() else None
        bar = byte_bar(desc=part.stem, total=total, initial=offset, disable=not progress)
        with bar, part.open("ab") as handle:
            handle.writelines(_blocks(response, bar))
    if total not in (None, part.stat().st_size):
        raise _BrokenError(f"the connection closed at byte {part.stat().st_size} of {total}")


def _request(url: str, headers: dict[str, str], timeout: float) -> Any:
    try:
        address = url if "://" in url or url.startswith("file:") else Path(url).absolute().as_uri()
        return urlopen(Request(address, headers=headers), timeout=timeout)
    except URLError as error:
        if getattr(error, "code", 0) == 416:
            return error  # also a response, which may say that the part is whole
        raise
    except UNREADABLE as error:
        raise _BrokenError(error) from error


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".source")


def _version(headers: Message) -> str:
    """Return what names this version of the file in If-Range (no weak ETag may); '' if nothing does."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _resume_point(url: str, part: Path) -> tuple[int, str]:
    """Return how many bytes can be built on, and of which version: none where that is not known."""
    if not (part.exists() and _note(part).exists()):
        return 0, ""
    noted, _, version = _note(part).read_text(encoding="utf-8").partition("\n")
    return (part.stat().st_size, version) if noted == url and version else (0, "")


def _blocks(source: IO[bytes], bar: Any) -> Iterator[bytes]:
    try:
        while block := source.read(1 << 16):
            yield block
            bar.update(len(block))
    except UNREADABLE as error:
        raise _BrokenError(error) from error


def _unzipped(archive: Path, member: str, max_bytes: int, progress: bool) -> Iterator[bytes]:
    try:
        with ZipFile(archive) as bundle:
            info = _member(bundle, member, max_bytes)
            size, received = info.file_size, 0
            info.file_size += 1  # zipfile stops silently at the declared size: one byte more lets a lie show
            with bundle.open(info) as source, byte_bar(desc=member, total=size, disable=not progress) as bar:
                for block in _blocks(source, bar):
                    received += len(block)
                    yield block
        if received != size:
            raise BadZipFile(f"{received} bytes or more where {size} are declared")
    except (_BrokenError, *UNREADABLE) as error:
        remedy = "name another member, or pass a sound copy of the archive"
        raise InputError(f"{archive}: expected a plain {member!r}, received '{error}'; {remedy}") from error


def _member(bundle: ZipFile, member: str, max_bytes: int) -> ZipInfo:
    """Return a member that is safe to read."""
    names = [repr(info.filename) for info in bundle.infolist() if not info.is_dir()]
    if repr(member) not in names:
        raise BadZipFile(f"{len(names)} members, none of that name: {', '.join(names[:10])}")
    info = bundle.getinfo(member)
    if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
        raise BadZipFile("an encrypted member" if info.flag_bits & 1 else "a symbolic link")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise BadZipFile(f"compression method {info.compress_type}, where stored or deflated can be read")
    if info.file_size > max_bytes:
        raise BadZipFile(f"{info.file_size} bytes, where at most {max_bytes} are allowed")
    return info


def _publish(part: Path, target: Path, url: str, sha256: str | None) -> None:
    """Give a finished file its name, if it is the expected one and once its bytes are on the disk."""
    if sha256 is not None and (received := sha256_of(part)) != sha256.lower():
        remedy = f"its {part.stat().st_size} bytes were removed; run again or pass a local copy"
        part.unlink()
        _note(part).unlink(missing_ok=True)
        raise InputError(f"{url}: expected SHA-256 {sha256}, received {received}; {remedy}")
    with part.open("rb") as handle:
        os.fsync(handle.fileno())
    os.replace(part, target)
