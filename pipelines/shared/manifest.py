"""Write and complete the manifest of a model folder; `sentiment.predict.manifest` reads and checks it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.shared import publishing
from sentiment.predict.manifest import checksums, read_manifest
from sentiment.predict.model_files import MANIFEST


def add_staged(folder: Path, staging: Path) -> None:
    """Add the checksums of the files in ``staging`` to the manifest of ``folder``, and write it into ``staging``."""
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        manifest["artefacts"] = dict(sorted((manifest["artefacts"] | checksums(staging)).items()))
        publishing.write_json(staging / MANIFEST, manifest)


def known_of_corpus(profile: Mapping[str, Any], checksum: str) -> dict[str, Any]:
    """Return the profile's facts about its corpus (the table ``about``), for the model card.

    The result is empty if the facts describe another file, that is, if ``about.sha256`` exists and is not ``checksum``.
    """
    about = profile.get("about", {})
    describes_it = about.get("sha256", checksum) == checksum
    return {name: text for name, text in about.items() if name != "sha256"} if describes_it else {}


def corpus_inputs(loaded: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return path and SHA-256 of each corpus in `load.json`; the keys are ``corpus``, ``corpus 2`` ..."""
    first = {"corpus": {"path": loaded["source"], "sha256": loaded["source_sha256"]}}
    further = enumerate(loaded.get("corpora", [])[1:], 2)
    return first | {f"corpus {i}": {"path": each["file"], "sha256": each["sha256"]} for i, each in further}
