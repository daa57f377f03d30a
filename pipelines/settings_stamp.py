"""Write one stage's settings to a file if they have changed, so that Make reruns only stages with changed settings."""

import json
from typing import Any

from pipelines.shared import make_variables, publishing, stage

# Stage -> the sections of the settings, and the slice of the inputs (corpus, GloVe file, test sets), that it reads.
SECTIONS = {
    "load": ("corpus", "split", "corpora"),
    "preprocess": ("preprocessing",),
    "embed": ("embedding",),
    "train": ("network", "training"),
    "export": ("export",),
    "evaluate": (),
}
_INPUTS = {"load": slice(0, 1), "preprocess": slice(1, 2), "embed": slice(1, 2), "evaluate": slice(2, None)}


def run(this: stage.Stage) -> None:
    """Write the file of the stage's settings if it is missing or differs from the current settings."""
    name = this.arguments.stage
    if name == "load":
        _remember(this)
    settings = this.settings.to_dict()
    polarity = settings["corpus"].pop("polarity")  # does not change the rows
    values: dict[str, Any] = {section: settings[section] for section in SECTIONS[name]}
    if name == "preprocess":  # the member decides which words have vectors
        values["member"] = settings["embedding"]["member"]
    if name == "evaluate":
        values["polarity"] = polarity
    values["inputs"] = this.arguments.inputs[_INPUTS.get(name, slice(0))]
    path = this.places.interim / "settings" / f"{name}.json"
    before, now = publishing.read_json(path) if path.exists() else None, json.loads(json.dumps(values))
    if before is not None and before != now:
        stage.log.info("%s: %s", name, "; ".join(differences(before, now)))
    if before != now:
        publishing.write_json(path, now)


def _remember(this: stage.Stage) -> None:
    arguments, corpora = this.arguments, [each.file for each in this.settings.corpora]
    make_variables.check(make_variables.with_given(this.places.interim, arguments.given), corpora, this.places.raw)
    known = make_variables.remember(this.places.interim, this.places.model, arguments.given, arguments.replace)
    now = {pair.partition("=")[0] for pair in arguments.given}
    if going_on := [f"{name}={value!r}" for name, value in known.items() if name not in now]:
        stage.log.info("going on with %s, as before", " ".join(going_on))


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Return one line per changed setting, with its old and new value."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [f"{name} was {before!r}, is {now!r}"]
    dotted = {key: f"{name}.{key}".lstrip(".") for key in [*before, *(key for key in now if key not in before)]}
    return [line for key in dotted for line in differences(before.get(key), now.get(key), dotted[key])]


OPTIONS: stage.Options = {
    "stage": {"choices": SECTIONS, "help": "the stage whose settings are written"},
    "--inputs": {"nargs": "*", "default": [], "help": "the corpus, the GloVe file and the test sets"},
    "--given": {"action": "append", "default": [], "metavar": "NAME=VALUE", "help": "a variable that Make was given"},
    "--replace": {"action": "store_true", "help": "permit replacing a model made with other variables"},
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
