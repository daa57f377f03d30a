"""Check the variables that Make is given before any stage runs, and save them for the next `make`.

The variables are saved beside the run's artefacts in a file that Make includes, with lines such as
`CORPUS ?= tweets.csv`. Without the checks, Make would report a missing file as `No rule to make target` or not at all,
and would split a file name at its spaces.
"""

import glob
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pipelines.shared import publishing
from pipelines.shared.profiles import profile_and_path
from sentiment.errors import InputError

FILE = "remembered.mk"
MADE_FROM = ("CORPUS", "GLOVE", "SET", "FROM")  # a model made from other values is replaced only with REPLACE=1
VARIABLES = (*MADE_FROM, "TESTS")


def check(values: Mapping[str, str], corpora: Iterable[str], raw: Path) -> None:
    """Check that the files named by Make variables exist and have no spaces in their names.

    Args:
        values: values of the Make variables, by name.
        corpora: the corpus files that the profile names itself.
        raw: the folder of downloads. Files in it may be missing, because they can still be downloaded.

    Raises:
        InputError: a file is missing or has a space in its name.
    """
    read = {name: value for name, value in values.items() if value and name in _EXPECTED}
    if "FROM" in read:
        read.pop("GLOVE", None)  # not read when there is a base model
    for name, value in [*read.items(), *(("file", file) for file in corpora)]:
        if len(value.split()) > 1:
            raise InputError(
                f"{name}={value!r}: expected a path without spaces, at which Make divides; rename the file, "
                f"or link it: ln -s {value!r} {Path(value).name.replace(' ', '_')}"
            )
        expected, is_there = _EXPECTED[name]
        if not is_there(value) and Path(value).parent != raw:
            received = "a folder" if Path(value).is_dir() else "nothing there"
            raise InputError(f"{name}={value!r}: expected {expected}, received {received}; give another path")
    for test in values.get("TESTS", "").split():
        _, path = profile_and_path(test, {})
        if not path.is_file():
            remedy = "give existing ones, with spaces between them, or TESTS= for none"
            raise InputError(f"TESTS={test!r}: {path}: no such file; {remedy}")


def _is_table(value: str) -> bool:
    return Path(value).exists() or bool(glob.glob(value, recursive=True)) or "://" in value


_EXPECTED: dict[str, tuple[str, Callable[[str], bool]]] = {
    "file": ("a file, a folder or a pattern that files match (the profile's [[corpora]])", _is_table),
    "CORPUS": ("a file, a folder or a pattern that files match", _is_table),
    "GLOVE": ("a file of vectors", lambda value: Path(value).is_file()),
    "FROM": ("the folder of a trained model", lambda value: Path(value).is_dir()),
}


def recall(interim: Path) -> dict[str, str]:
    """Return the variables that :func:`remember` has saved; empty if there are none."""
    path = interim / FILE
    if not path.is_file():
        return {}
    pairs = (line.split(" ?= ", 1) for line in path.read_text(encoding="utf-8").splitlines() if " ?= " in line)
    return {name: value.replace("$$", "$").replace("\\#", "#") for name, value in pairs if name in VARIABLES}


def with_given(interim: Path, given: Sequence[str]) -> dict[str, str]:
    """Return the saved variables, updated by those ``given`` as ``NAME=value``. An empty value clears a variable."""
    return recall(interim) | dict(pair.split("=", 1) for pair in given)


def remember(interim: Path, model: Path, given: Sequence[str], replace: bool) -> dict[str, str]:
    """Update the saved Make variables with those that this `make` was given, and return all variables.

    Args:
        interim: the run's folder of interim data, where the variables are saved.
        model: the run's model folder.
        given: the variables given to this `make`, as ``NAME=value``.
        replace: whether a model that was made with other variables may be replaced.

    Raises:
        InputError: there is a model made with other variables, and ``replace`` is false.
    """
    before, now = recall(interim), with_given(interim, given)
    changed = [name for name in MADE_FROM if now.get(name, "") != before.get(name, "")]
    if changed and not replace and (model / "model.json").exists():
        was, wanted = (" ".join(f"{name}={values.get(name, '')!r}" for name in changed) for values in (before, now))
        raise InputError(
            f"{model}: was made with {was}, and {wanted} would replace it; "
            "give the run a name of its own (RUN=name), or say REPLACE=1"
        )
    now = {name: value for name, value in now.items() if value}
    if now != before:
        lines = (f"{name} ?= {now[name].replace('$', '$$').replace('#', chr(92) + '#')}\n" for name in sorted(now))
        publishing.write_text(interim / FILE, "".join(lines))
    return now
