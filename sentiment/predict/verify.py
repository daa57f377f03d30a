"""Command line: check the files and the training inputs of a model against the checksums in its manifest.json.

The exit status is 0, or 2 if a file differs.
"""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from sentiment.common.command_line import OneLineParser, path
from sentiment.common.messages import run_command
from sentiment.data.table_files import checksum_of, find_files
from sentiment.errors import ArtefactError, InputError
from sentiment.predict.model_files import MANIFEST, checksums, named_inputs, read_manifest

# Files that commands of this project write into a model folder without making them part of the model.
_BESIDE = (
    MANIFEST,
    ".checkpoint*.npz",
    ".staging-*/*",
    "bench*.*",
    "crossvalidation.json",
    "curve.json",
    "curve.svg",
    "logs/*",
    "ablation/*",
)


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.predict.verify") -> int:
    """Run the command and return its exit status: 0, or 2 if a file differs."""
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=path, help="model folder such as models/sample, or a packed model")
    folder = Path(parser.parse_args(argv).model)
    return run_command(lambda: _verify(folder), "verify")


def _verify(folder: Path) -> int:
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; name one that `make train` has made, for instance models/sample")
    differences, absent = check_manifest(folder)
    sys.stdout.writelines(f"{line}\n" for line in (*differences, *absent))
    if differences:
        raise ArtefactError(
            f"{folder}: {len(differences)} of its files or inputs are not what {MANIFEST} says; "
            "copy the model again, or run `make train evaluate`"
        )
    sys.stderr.write(f"verify: {folder}: every file is what {MANIFEST} says\n")
    return 0


def check_manifest(folder: Path) -> tuple[list[str], list[str]]:
    """Check a model's files, and the inputs that it was made from, against the checksums in its ``manifest.json``.

    Return two lists of lines: the differences, and the inputs that are absent, so were not checked.

    Raises:
        ArtefactError: the manifest is missing or damaged.
    """
    manifest = read_manifest(folder)
    noted, inputs = manifest["artefacts"], named_inputs(manifest)
    found = {name: mark for name, mark in checksums(folder).items() if not any(fnmatch(name, each) for each in _BESIDE)}
    differing = [name for name in noted.keys() & found.keys() if noted[name] != found[name]]
    present = [each for each in inputs if _exists(each[1])]
    differences = [
        *(f"{_shown(name)} differs" for name in sorted(differing)),
        *(f"{_shown(name)} is missing" for name in sorted(noted.keys() - found.keys())),
        *(f"{_shown(name)} is extra: the manifest does not name it" for name in sorted(found.keys() - noted.keys())),
        *(f"{line} has changed since the model was made" for line, path, mark in present if checksum_of(path) != mark),
    ]
    return differences, [f"{each[0]} is not there, so not checked" for each in inputs if each not in present]


def _shown(name: str) -> str:
    return repr(name) if "\n" in name else name


def _exists(path: Path) -> bool:
    """Return whether an input exists: a file, or all files of a folder or a pattern."""
    try:
        return all(file.path.is_file() for file in find_files(path))
    except InputError:
        return False


if __name__ == "__main__":
    sys.exit(main())
