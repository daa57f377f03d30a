"""Download files and verify their checksums, and extract a file from a zip. Both write atomically."""

import logging
import shutil
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

import pooch

from pipelines.shared.publishing import lock
from sentiment.common.file_checks import sha256_of
from sentiment.errors import InputError

ATTEMPTS = 4
_LARGEST_MEMBER = 20 * 2**30  # bytes
_UNREADABLE = (OSError, EOFError, RuntimeError, NotImplementedError, BadZipFile, zlib.error)


def fetch(url: str, target: Path, sha256: str | None, progress: bool = True, timeout: float = 60.0) -> Path:
    """Download or copy a file to ``target``, unless ``target`` already has the expected checksum.

    Args:
        url: an http(s) URL or a local path.
        target: the path to write to; its folder is created.
        sha256: the expected checksum; None accepts any content.
        progress: whether to show a progress bar on standard error.
        timeout: seconds to wait for a server that does not answer.

    Raises:
        InputError: the file cannot be fetched or written, or has another checksum.
    """
    if _is_there(target, sha256):
        return target
    try:
        with lock(target.with_name(f"{target.name}.lock"), f"waiting for another process that is writing {target}"):
            if not _is_there(target, sha256):
                _bring(url, target, sha256, progress, timeout)
    except (OSError, ValueError) as error:  # requests raises OSErrors, and pooch a ValueError for a wrong checksum
        remedy = "check the address and the space there, run again, or pass a local copy"
        raise InputError(f"{url}: expected a file for {target}, received '{_one_line(error)}'; {remedy}") from error
    return target


def extract_member(archive: Path, member: str, target: Path) -> Path:
    """Extract one file of a zip to ``target``. Its path in the zip is ignored, so no other file can be overwritten.

    Raises:
        InputError: archive or member is missing, damaged, encrypted or too large, or ``target`` cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with ZipFile(archive) as bundle, TemporaryDirectory(dir=target.parent, prefix=".unzip-") as folder:
            if member not in bundle.namelist():
                raise BadZipFile(f"no such member; there are {', '.join(map(repr, bundle.namelist()[:10]))}")
            if (size := bundle.getinfo(member).file_size) > _LARGEST_MEMBER:
                raise BadZipFile(f"{size} bytes, where at most {_LARGEST_MEMBER} are allowed")
            with bundle.open(member) as source, (Path(folder) / "member").open("wb") as copy:
                shutil.copyfileobj(source, copy)
            (Path(folder) / "member").replace(target)
    except _UNREADABLE as error:
        remedy = "name another member, make room, or pass a sound copy of the archive"
        raise InputError(
            f"{archive}: expected {member!r} for {target}, received '{_one_line(error)}'; {remedy}"
        ) from error
    return target


def _is_there(target: Path, sha256: str | None) -> bool:
    return target.is_file() and (sha256 is None or sha256_of(target) == sha256.lower())


def _bring(url: str, target: Path, sha256: str | None, progress: bool, timeout: float) -> None:
    """Download or copy into a folder beside ``target``, check the checksum, and rename."""
    pooch.get_logger().setLevel(logging.WARNING)
    known = sha256 and sha256.lower()
    with TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        received = Path(folder) / target.name
        if url.startswith(("http://", "https://")):
            registry, urls = {target.name: known}, {target.name: url}
            store = pooch.create(folder, "", registry=registry, urls=urls, retry_if_failed=ATTEMPTS - 1)
            store.fetch(target.name, downloader=pooch.HTTPDownloader(progressbar=progress, timeout=timeout))
        else:
            shutil.copyfile(url, received)
            if known and (found := sha256_of(received)) != known:
                raise ValueError(f"SHA-256 {found}, expected {known}")
        received.chmod(0o644)
        received.replace(target)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
