"""Write the settings that one stage depends on, if they have changed: what Make compares instead of the profile."""

import argparse
import json
from typing import Any

from pipelines.shared import publishing, stage

# Sections of the settings, and which of the inputs (corpus, GloVe), each stage is made from.
SECTIONS = {
    "load": ("corpus", "split"),
    "preprocess": ("preprocessing",),
    "embed": ("embedding",),
    "train": ("network", "training"),
    "evaluate": (),
}
_INPUTS = {"load": slice(0, 1), "embed": slice(1, 2)}


def run(this: stage.Stage) -> None:
    """Compare with the file there is; replace it if they differ."""
    name = this.arguments.stage
    settings = this.settings.to_dict()
    polarity = settings["corpus"].pop("polarity")  # which no row depends on
    values: dict[str, Any] = {section: settings[section] for section in SECTIONS[name]}
    if name == "evaluate":
        values["polarity"] = polarity
    values["inputs"] = this.arguments.inputs[_INPUTS.get(name, slice(0))]
    path = this.places.interim / "settings" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != json.dumps(values, indent=2, ensure_ascii=False) + "\n":
        publishing.write_json(path, values)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage's own options."""
    parser.add_argument("stage", choices=SECTIONS, help="whose settings")
    parser.add_argument("--inputs", nargs="*", default=[], help="the corpus and the GloVe file")


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
