"""Compare speed, memory and size with other libraries, and write `models/bench.json` and `models/bench.md`.

Each section runs in a process of its own. Prediction is measured on one core and on all cores.
"""

import sys
from dataclasses import replace
from pathlib import Path

from pipelines.bench import sections
from pipelines.bench.contenders import CONTENDERS, Material
from pipelines.bench.timing import Entries, in_own_process, machine, markdown
from pipelines.shared import publishing, stage

SECTIONS = (*CONTENDERS, "size", "cold start", "growth")


def run(this: stage.Stage) -> None:
    """Measure the sections of the benchmark that ``--only`` names, and write the figures as JSON and as Markdown."""
    asked, material = this.arguments, Material(this.places, this.places.model)
    known: dict[str, tuple] = {name: (sections.speed, name, material) for name in CONTENDERS}
    known |= {"size": (sections.size, material), "prediction on one core": (sections.speed, "prediction", material, 1)}
    if asked.tweets:
        second = replace(material, tweets=asked.tweets, folder=Path(asked.tweets_model or material.folder))
        name = Path(asked.tweets.partition(":")[2] or asked.tweets).name
        known[f"prediction of {name}"] = (sections.speed, "prediction", second)
    known |= {"cold start": (sections.cold_start, material.folder), "growth": (sections.growth, material)}
    measured: dict[str, Entries] = {}
    for title, (function, *arguments) in known.items():
        if title.startswith(tuple(asked.only)):
            stage.log.info("measuring: %s", title)
            measured[title] = in_own_process(function, *arguments)
    report = {"machine": machine(), "sections": measured}
    tables = "\n".join(markdown(title, entries) for title, entries in measured.items())
    text = f"Measured on {report['machine']}; medians.\n\n{tables}"
    publishing.write_json(this.places.root / "models" / "bench.json", report)
    publishing.write_text(this.places.root / "models" / "bench.md", text)
    sys.stdout.write(text)


OPTIONS: stage.Options = {
    "--only": {"nargs": "+", "default": list(SECTIONS), "choices": SECTIONS, "help": "sections (default: all)"},
    "--tweets": {
        "default": "", "metavar": "FILE",
        "help": "predict a second list too: a CSV like Sentiment140's, or PROFILE:FILE in another profile's format",
    },
    "--tweets-model": {"default": "", "metavar": "FOLDER", "help": "model that answers it (default: the profile's)"},
}  # fmt: skip

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
