"""Command line: check a model folder or archive, and the inputs it was made from, against its manifest.

The exit status is 0, or 2 if a file differs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sentiment.common.command_line import OneLineParser
from sentiment.common.mistakes import MENDABLE, refuse
from sentiment.errors import ArtefactError, InputError
from sentiment.predict.manifest import ManifestFindings, check_manifest
from sentiment.predict.model_files import MANIFEST

_LINES = {
    "differing": "differs",
    "missing": "is missing",
    "extra": "is extra: the manifest does not name it",
    "changed_inputs": "has changed since the model was made",
    "absent_inputs": "is not there, so not checked",
}


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.predict.verify") -> int:
    """Run the command and return its exit status."""
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model folder such as models/sample, or a packed model")
    try:
        _verify(parser.parse_args(argv).model)
    except MENDABLE as error:
        return refuse("verify", error, "")
    return 0


def _verify(folder: Path) -> None:
    """Print each difference, and raise an `ArtefactError` if there is one."""
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; name one that `make train` has made, for instance models/sample")
    findings = check_manifest(folder)
    sys.stdout.writelines(_lines(findings))
    if findings.count:
        raise ArtefactError(f"{folder}: {findings.count} of its files or inputs are not what {MANIFEST} says")
    sys.stderr.write(f"verify: {folder}: every file is what {MANIFEST} says\n")


def _lines(findings: ManifestFindings) -> list[str]:
    return [
        f"{name!r} {what}\n" if "\n" in name else f"{name} {what}\n"
        for kind, what in _LINES.items()
        for name in getattr(findings, kind)
    ]


if __name__ == "__main__":
    sys.exit(main())
