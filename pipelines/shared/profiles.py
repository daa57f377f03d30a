"""Read profiles (TOML files of settings), read labelled tables in a profile's format, and write values as TOML."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.shared import publishing
from sentiment.errors import InputError, SettingsError
from sentiment.settings import CorpusSettings, Settings
from sentiment.settings_checks import from_dict

PROFILES = Path(__file__).parents[1] / "profiles"
# Tables of a profile that are not settings: the sources of its files, facts about its corpus, and published figures.
BESIDE_SETTINGS = ("sources", "about", "published")


def read_profile(name: str) -> dict[str, Any]:
    """Return the tables of a profile, given its name or path. A missing or damaged one raises a `SettingsError`."""
    path = _path_of(name)
    if not path.is_file():
        known = ", ".join(sorted(profile.stem for profile in PROFILES.glob("*.toml")))
        raise SettingsError(f"{path}: no such profile; there are {known}, or give the path of a .toml")
    return read_toml(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a file. A file that is not TOML raises a `SettingsError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # ValueError: not TOML, not UTF-8, or a number of 5000 digits
        raise SettingsError(f"{path}: not a TOML file ({error})") from error


def profile_and_path(given: str, own: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Return the profile and the path of a test set that is ``given`` as ``file`` or as ``profile:file``.

    ``own`` is the profile of the running command. It is returned for a plain ``file``, and also if a file with this
    whole name exists, colon included.

    Raises:
        InputError: ``given`` has a colon, but there is neither such a file nor such a profile.
    """
    before, colon, after = given.partition(":")
    if not colon or Path(given).exists():
        return own, Path(given)
    if not _path_of(before).is_file():
        raise InputError(f"{given}: neither a file nor PROFILE:FILE; there is no profile {before!r}")
    return read_profile(before), Path(after)


def make_settings(profile: dict[str, Any], overrides: Sequence[str]) -> Settings:
    """Return the settings of a profile after ``section.key=value`` overrides, whose values are TOML or plain words.

    Each of ``[[corpora]]`` that has no format of its own has that of ``[corpus]``.
    """
    tables = {k: dict(v) if isinstance(v, dict) else v for k, v in profile.items() if k not in BESIDE_SETTINGS}
    for override in overrides:
        dotted, equals, text = override.partition("=")
        section, dot, key = dotted.strip().partition(".")
        if not (equals and dot):
            raise SettingsError(f"--set {override}: expected SECTION.KEY=VALUE")
        tables.setdefault(section, {})[key] = _parsed(text.strip())
    if isinstance(corpora := tables.get("corpora"), list):
        shared = {"corpus": tables.get("corpus", {})}
        tables["corpora"] = [shared | each if isinstance(each, dict) else each for each in corpora]
    return from_dict(Settings, tables)


def named_settings(profile: dict[str, Any], overrides: Sequence[str]) -> set[str]:
    """Return the names of the settings that the profile or an override sets, for example "training.epochs"."""
    tables = {section: keys for section, keys in profile.items() if section not in BESIDE_SETTINGS}
    named = {f"{section}.{key}" for section, keys in tables.items() for key in keys}
    return named | {override.partition("=")[0].strip() for override in overrides}


def known_of_corpus(profile: Mapping[str, Any], checksum: str) -> dict[str, Any]:
    """Return the profile's facts about its corpus (the table ``about``), for the model card.

    The result is empty if ``about.sha256`` exists and is not ``checksum``, the SHA-256 of the corpus: the facts then
    describe another file.
    """
    about = profile.get("about", {})
    describes_it = about.get("sha256", checksum) == checksum
    return {name: text for name, text in about.items() if name != "sha256"} if describes_it else {}


def read_corpus(path: Path, settings: CorpusSettings, option: str) -> list[tuple[str, str]]:
    """Return the rows (text, class name) of a labelled table.

    Raises:
        InputError: the file is damaged or missing. The message names the command-line ``option`` for the file.
    """
    from sentiment.data.corpus import CorpusReader

    publishing.require_input(path, option)
    names = list(settings.labels)
    batches = CorpusReader(path, settings, str(path))
    rows = (zip(texts.to_pylist(), labels.tolist(), strict=True) for texts, labels in batches)
    return [(text, names[i]) for some in rows for text, i in some]


def toml_value(value: Any) -> str:
    """Return a string, number, truth value, list or table as TOML on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Return ``name`` as a TOML key, in quotes if it needs them."""
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else toml_value(name)


def _path_of(name: str) -> Path:
    return Path(name) if name.endswith(".toml") else PROFILES / f"{name}.toml"


def _parsed(text: str) -> Any:
    """Return a TOML value, or the text itself if it is not TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
