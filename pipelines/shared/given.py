"""What Make is given is looked at before any stage runs: files that are not there, and names that Make would divide.

Make itself would say `No rule to make target`, or nothing where what is made from them is there already.
"""

import glob
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pipelines.shared.corpus_files import profile_and_path
from sentiment.errors import InputError


def check_given(values: Mapping[str, str], corpora: Iterable[str], raw: Path) -> None:
    """Refuse what cannot be read.

    Args:
        values: what Make was given, now or before, by variable.
        corpora: the files that the profile names itself.
        raw: where the profile's files are fetched to; those need not be there yet.

    Raises:
        InputError: a file is not there, or has a space in its name.
    """
    read = {name: value for name, value in values.items() if value and name in _EXPECTED}
    if "FROM" in read:
        read.pop("GLOVE", None)  # is not read then
    for name, value in [*read.items(), *(("file", file) for file in corpora)]:
        _check_path(name, value, *_EXPECTED[name], raw)
    for test in values.get("TESTS", "").split():
        _check_test(test)


def _check_test(given: str) -> None:
    _, path = profile_and_path(given, {})
    if not path.is_file():
        raise InputError(
            f"TESTS={given!r}: {path}: no such file; give existing ones, with spaces between them, or TESTS= for none"
        )


def _check_path(name: str, value: str, expected: str, is_there: Callable[[str], bool], raw: Path) -> None:
    if len(value.split()) > 1:
        raise InputError(
            f"{name}={value!r}: expected a path without spaces, at which Make divides; rename the file, "
            f"or link it: ln -s {value!r} {Path(value).name.replace(' ', '_')}"
        )
    if not is_there(value) and Path(value).parent != raw:
        received = "a folder" if Path(value).is_dir() else "nothing there"
        raise InputError(f"{name}={value!r}: expected {expected}, received {received}; give another path")


def _is_table(value: str) -> bool:
    return Path(value).exists() or bool(glob.glob(value, recursive=True)) or "://" in value


_EXPECTED: dict[str, tuple[str, Callable[[str], bool]]] = {
    "file": ("a file, a folder or a pattern that files match (the profile's [[corpora]])", _is_table),
    "CORPUS": ("a file, a folder or a pattern that files match", _is_table),
    "GLOVE": ("a file of vectors", lambda value: Path(value).is_file()),
    "FROM": ("the folder of a trained model", lambda value: Path(value).is_dir()),
}
