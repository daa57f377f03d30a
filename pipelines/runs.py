"""List the trained models with their inputs and their metrics on held-out tweets."""

import json
import sys
from pathlib import Path
from typing import Any

from pipelines.shared import make_variables, stage
from pipelines.shared.base_model import trained_folders
from sentiment.common.command_line import OneLineParser

_HEADINGS = ("run", "trained", "rows", "tweets tested", "accuracy", "macro recall", "made with")


def main(argv: list[str] | None = None) -> None:
    """Print one line per model folder, the most recently trained first."""
    parser = OneLineParser(prog="python -m pipelines.runs", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("."), help="folder that holds data/ and models/")
    arguments = parser.parse_args(argv)
    with stage.reporting("runs"):
        sys.stdout.write(listing(arguments.root))


def listing(root: Path) -> str:
    """Return a table of the model folders below ``root``."""
    from tabulate import tabulate

    latest = (root / "models" / "latest").resolve().name
    folders = trained_folders(root / "models")
    rows = sorted((_row(root, folder, latest) for folder in folders), key=lambda row: row[1], reverse=True)
    if not rows:
        return "no runs yet: `make evaluate` makes one\n"
    return tabulate(rows, _HEADINGS, tablefmt="plain", disable_numparse=True) + "\n"


def _row(root: Path, folder: Path, latest: str) -> tuple[str, ...]:
    manifest, metrics = _read(folder / "manifest.json"), _read(folder / "metrics.json")
    first: dict[str, Any] = next(iter(metrics.values()), {})
    known = make_variables.recall(root / "data" / "interim" / folder.name)
    return (
        folder.name + (" (latest)" if folder.name == latest else ""),
        str(manifest.get("created", "-"))[:16].replace("T", " "),
        f"{sum(manifest.get('rows', {}).get('train', {}).values()):,}",
        f"{first['n']:,}" if first else "not yet",
        *(f"{100 * first[name]:.1f}" if first else "" for name in ("accuracy", "macro_recall")),
        " ".join(f"{name}={value}" for name, value in known.items()) or "its profile's defaults",
    )


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; an empty dictionary if the file is missing or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


if __name__ == "__main__":
    main()
