"""What a run left, in a form that two runs can be compared by."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

# They tell when, where and by which process something was made, not what it is.
ACCIDENTAL = {"created", "path", "source", "name", "artefacts", "date_saved"}
# A graph numbers its functions over the whole process. The two documents tell the time and the place.
IGNORED = re.compile(r"(^|/)(\.lock|logs/.*|fingerprint\.pb|saved_model\.pb|settings/.*|report\.html|README\.md)$")


def all_artefacts(root: Path, hidden: bool = True) -> dict[str, str]:
    """:func:`snapshot` of all folders that stages write to; ``hidden`` tells whether to look at names with a dot too."""
    found = snapshot(root / "data" / "interim", root / "data" / "processed", root / "models")
    return {name: mark for name, mark in found.items() if hidden or "/." not in name}


def snapshot(*folders: Path) -> dict[str, str]:
    """Checksum of every artefact below ``folders``, without what is accidental in it."""
    return {
        f"{folder.name}/{name}": _digest(path)
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not IGNORED.search(name := path.relative_to(folder).as_posix())
    }


def _digest(path: Path) -> str:
    content: Callable[[], bytes] = {".json": lambda: _json(path), ".keras": lambda: _keras(path)}.get(
        path.suffix, path.read_bytes
    )
    try:
        return hashlib.sha256(content()).hexdigest()
    except (ValueError, zipfile.BadZipFile) as error:
        return f"damaged: {error}"


def _json(path: Path) -> bytes:
    def without(value: object) -> object:
        if isinstance(value, dict):
            return {key: without(each) for key, each in value.items() if key not in ACCIDENTAL and "sha256" not in key}
        return value

    return json.dumps(without(json.loads(path.read_text(encoding="utf-8")))).encode()


def _keras(path: Path) -> bytes:
    """The weights; the archive's other members hold dates and addresses."""
    with zipfile.ZipFile(path) as archive:
        return archive.read("model.weights.h5")
