"""Write the page of all settings, `docs/settings.md`, from the docstrings and defaults of the settings classes."""

import dataclasses
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

from pipelines.shared import publishing, stage
from pipelines.shared.profiles import toml_value
from sentiment.common.command_line import OneLineParser
from sentiment.settings import CorpusFile, Settings

PAGE = Path("docs/settings.md")
_LONGEST_DEFAULT = 60
_HEAD = """# Settings

Made from `sentiment/settings.py` by `make docs`; do not edit. A [profile](profiles.md) replaces defaults, and `SET`
overrides both for one run:

```sh
make evaluate SET="network.cell=gru training.epochs=5"
```

Values are written as in TOML, but plain words need no quotes. If a value has double quotes, put single quotes around
the whole: `SET='preprocessing.keep_words=["not", "no"] training.epochs=5'`. Write `$$` for a `$`, because Make reads
it. An unknown name is refused, and the nearest known one is suggested. Every model folder has its settings in
`settings.json`.
"""


def main() -> None:
    """Write the page of all settings."""
    OneLineParser(prog="python -m pipelines.settings_page", description=__doc__).parse_args()
    with stage.reporting("settings_page"):
        publishing.write_text(PAGE, page())


def page() -> str:
    """Return the page of all settings as Markdown, with one table per section."""
    sections = ((each.name, each.type) for each in dataclasses.fields(Settings))
    one = [_section(f"[{name}]", cls) for name, cls in sections if dataclasses.is_dataclass(cls)]
    return "\n".join([_HEAD, *one, _section("[[corpora]]", CorpusFile)])


def _section(name: str, cls: Any) -> str:
    summary, meanings = described(cls)
    defaults = {each.name: _default(each) for each in dataclasses.fields(cls)}
    rows = [f"| `{names}` | {_cell(names, defaults)} | {_escaped(text)} |" for names, text in meanings.items()]
    long = [
        _in_full(f"{name.strip('[]')}.{key}", text) for key, text in defaults.items() if len(text) > _LONGEST_DEFAULT
    ]
    table = "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])
    return "\n".join([f"## `{name}`\n\n{summary}\n\n{table}\n", *long])


def described(cls: type) -> tuple[str, dict[str, str]]:
    """Split the docstring of a settings class into its summary and a dictionary from attribute to description.

    Raises:
        ValueError: the docstring does not describe exactly the attributes of the class.
    """
    summary, _, listed = inspect.cleandoc(cls.__doc__ or "").partition("\n\nAttributes:\n")
    entries = re.split(r"\n(?=\w)", textwrap.dedent(listed).strip("\n"))
    pairs = [entry.split(":", 1) for entry in entries]
    meanings = {names.replace(", ", "`, `"): " ".join(text.split()) for names, text in pairs}
    named = [name for names, _ in pairs for name in names.split(", ")]
    fields = [each.name for each in dataclasses.fields(cls)]  # type: ignore[arg-type]
    if sorted(named) != sorted(fields):
        raise ValueError(f"{cls.__name__}: documents {', '.join(named)} but has {', '.join(fields)}")
    return summary, meanings


def _default(each: Any) -> str:
    if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING:
        return "required"
    value = each.default if each.default is not dataclasses.MISSING else each.default_factory()
    if dataclasses.is_dataclass(value):
        return "as in [corpus]"
    return toml_value(value)


def _cell(names: str, defaults: dict[str, str]) -> str:
    texts = [defaults[name] for name in names.split("`, `")]
    return ", ".join("below" if len(text) > _LONGEST_DEFAULT else f"`{text}`" for text in texts)


def _escaped(text: str) -> str:
    """Convert reStructuredText, such as double backticks, to Markdown for a cell of a table."""
    plain = re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`")
    return plain.replace("|", "\\|")


def _in_full(name: str, text: str) -> str:
    return f"`{name}` in full:\n\n```toml\n" + "\n".join(textwrap.wrap(text, 110, break_on_hyphens=False)) + "\n```\n"


if __name__ == "__main__":
    main()
