"""Read the fields of one JSON line as text, with each value exactly as the line writes it."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_BLANK = re.compile(r"[ \t\r\n]*")
_SHOWN = 100


class _Literal(str):
    """A number, exactly as the JSON line writes it."""

    __slots__ = ()


class Field(NamedTuple):
    """A field's value as ``text``, None for null, and its ``kind`` for messages, for example ``a number``."""

    text: str | None
    kind: str


def fields_of(line: bytes) -> dict[str, Field]:
    """Return a dict of the fields in a line that contains a JSON object.

    Raises:
        ValueError: the line is not a JSON object in UTF-8. The message says why.
    """
    try:
        text = line.decode()
        values = json.loads(text, parse_int=_Literal, parse_float=_Literal, parse_constant=_Literal)
    except RecursionError:
        raise ValueError("expected a JSON object, received one that is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"expected a JSON object in UTF-8, received {line[:_SHOWN]!r} ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object, received {_field(values, text).kind}")
    raw = _raw_values(text) if any(isinstance(value, dict | list) for value in values.values()) else {}
    return {valid_text(name): _field(value, raw.get(name, "")) for name, value in values.items()}


def _field(value: Any, raw: str) -> Field:
    if isinstance(value, _Literal):
        return Field(str(value), "a number")
    if isinstance(value, str):
        return Field(valid_text(value), "a string")
    if isinstance(value, bool):
        return Field("true" if value else "false", "a truth value")
    if value is None:
        return Field(None, "null")
    return Field(valid_text(raw), "an object" if isinstance(value, dict) else "a list")


def valid_text(text: str) -> str:
    """Replace each lone surrogate (half an emoji) in ``text`` by U+FFFD, because UTF-8 cannot encode it."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _raw_values(text: str) -> dict[str, str]:
    """Map each field name of the JSON object ``text`` to the text of its value."""
    return dict(_raw_pairs(text))


def _raw_pairs(text: str) -> Iterator[tuple[str, str]]:
    decoder = json.JSONDecoder()
    place = _after_blanks(text, _after_blanks(text, 0) + 1)
    while text[place] != "}":
        name, end = decoder.raw_decode(text, place)
        start = _after_blanks(text, _after_blanks(text, end) + 1)
        _, end = decoder.raw_decode(text, start)
        yield name, text[start:end]
        place = _after_blanks(text, end)
        if text[place] == ",":
            place = _after_blanks(text, place + 1)


def _after_blanks(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place
