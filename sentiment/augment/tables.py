"""Read the tables of this room: tab-separated files with a header, without quotes and comments."""

from importlib.resources import files


def read_table(name: str) -> list[tuple[str, ...]]:
    """Return the rows of ``name``, a file beside this module, without its header."""
    text = files("sentiment.augment").joinpath(name).read_text(encoding="utf-8")
    return [tuple(line.split("\t")) for line in text.splitlines()[1:]]
