"""Check a model folder, and the inputs it was made from, against its manifest: exit status 0, or 2 if they differ."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.shared import stage
from sentiment.common.one_line_parser import OneLineParser
from sentiment.errors import InputError
from sentiment.predict.manifest import MANIFEST, ManifestFindings, check_manifest

_LINES = {
    "differing": "differs",
    "missing": "is missing",
    "extra": "is extra: the manifest does not name it",
    "changed_inputs": "has changed since the model was made",
    "absent_inputs": "is not there, so not checked",
}


def main(argv: Sequence[str] | None = None, prog: str = "python -m pipelines.verify") -> None:
    """Run the command."""
    parser = OneLineParser(prog=prog, description=__doc__)
    parser.add_argument("model", type=Path, help="model folder, such as models/sample")
    folder = parser.parse_args(argv).model
    with stage.reporting("verify"):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; name one that `make train` has made, such as models/sample")
        _report(folder, check_manifest(folder))


def _report(folder: Path, findings: ManifestFindings) -> None:
    for kind, what in _LINES.items():
        sys.stdout.writelines(
            f"{name!r} {what}\n" if "\n" in name else f"{name} {what}\n" for name in getattr(findings, kind)
        )
    if findings.count:
        stage.fail(f"{folder}: {findings.count} of its files or inputs are not what {MANIFEST} says")
    stage.log.info("%s: every file is what %s says", folder, MANIFEST)


if __name__ == "__main__":
    main()
