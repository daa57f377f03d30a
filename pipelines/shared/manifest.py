"""Write and complete the manifest of a model folder; `sentiment.predict.manifest` reads and checks it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.shared import publishing
from sentiment.predict.manifest import checksums, read_manifest
from sentiment.predict.model_files import MANIFEST


def add_staged(folder: Path, staging: Path) -> None:
    """Write the manifest of ``folder``, completed by the files in ``staging``, into ``staging``."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        manifest["artefacts"] = dict(sorted((manifest["artefacts"] | checksums(staging)).items()))
        publishing.write_json(staging / MANIFEST, manifest)


def known_of_corpus(profile: Mapping[str, Any], checksum: str) -> dict[str, Any]:
    """Return what a profile says about its corpus, for the model card.

    Args:
        profile: its tables; ``about.sha256`` may name the one file that ``about`` describes.
        checksum: SHA-256 of the file that was trained on; another one than ``about.sha256`` gives an empty answer.
    """
    about = profile.get("about", {})
    describes_it = about.get("sha256", checksum) == checksum
    return {name: text for name, text in about.items() if name != "sha256"} if describes_it else {}


def corpus_inputs(loaded: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return path and SHA-256 of each file of a corpus by name (``corpus``, ``corpus 2`` ...), from `load.json`."""
    first = {"corpus": {"path": loaded["source"], "sha256": loaded["source_sha256"]}}
    further = enumerate(loaded.get("corpora", [])[1:], 2)
    return first | {f"corpus {i}": {"path": each["file"], "sha256": each["sha256"]} for i, each in further}
