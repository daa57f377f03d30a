"""What Make was given for a run, kept beside the run's artefacts, so that the next `make` goes on with it.

The file is a piece of Makefile, which Make includes: `CORPUS ?= tweets.csv`. What is given on the command line goes
before it. A model is not replaced by one that is made from something else, unless that is said.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.shared import publishing
from sentiment.errors import InputError

FILE = "remembered.mk"
MADE_FROM = ("CORPUS", "GLOVE", "SET", "FROM")
VARIABLES = (*MADE_FROM, "TESTS")  # which a model is not made from, but scored on


def recall(interim: Path) -> dict[str, str]:
    """What was given before, by variable; empty where nothing was."""
    path = interim / FILE
    if not path.is_file():
        return {}
    pairs = (line.split(" ?= ", 1) for line in path.read_text(encoding="utf-8").splitlines() if " ?= " in line)
    return {name: value.replace("$$", "$").replace("\\#", "#") for name, value in pairs if name in VARIABLES}


def with_given(interim: Path, given: Sequence[str]) -> dict[str, str]:
    """What was given before and, ``NAME=value``, what is now; empty where a variable is to be forgotten."""
    return recall(interim) | dict(pair.split("=", 1) for pair in given)


def remember(interim: Path, model: Path, given: Sequence[str], replace: bool) -> dict[str, str]:
    """Note what is given now beside what was given before; returns all of it.

    Args:
        interim: the run's folder of interim data.
        model: its model folder.
        given: ``NAME=value``, as Make was given it this time.
        replace: whether the model there may be replaced by one of other makings.

    Raises:
        InputError: there is a model made from something else.
    """
    before, now = recall(interim), with_given(interim, given)
    changed = [name for name in MADE_FROM if now.get(name, "") != before.get(name, "")]
    if changed and not replace and (model / "model.json").exists():
        was, wanted = (_words({name: values.get(name, "") for name in changed}) for values in (before, now))
        raise InputError(
            f"{model}: was made with {was}, and {wanted} would replace it; "
            "give the run a name of its own (RUN=name), or say REPLACE=1"
        )
    now = {name: value for name, value in now.items() if value}
    if now != before:
        interim.mkdir(parents=True, exist_ok=True)
        publishing.write_text(interim / FILE, "".join(f"{name} ?= {_escaped(now[name])}\n" for name in sorted(now)))
    return now


def _words(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("$", "$$").replace("#", "\\#")
