"""Read a stream of JSON objects in any layout, look up paths in objects, and return fields exactly as written."""

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple, NoReturn

from sentiment.common.messages import shown
from sentiment.data.reading import column_advice
from sentiment.errors import InputError

_READ_BYTES = 1 << 20
_LONGEST_OBJECT = 256 << 20
# Text between objects: white space, the brackets and commas of a list, and JavaScript assignments.
_BETWEEN = re.compile(r"(?:[\s,;\[\]]|[A-Za-z_$][\w.$]*\s*=(?!=))*")
_BLANK = re.compile(r"[ \t\r\n]*")
_SHOWN = 100


class Document(NamedTuple):
    """A JSON object ``value`` (None if invalid), its text ``raw`` and the number of its first ``line``."""

    value: dict[str, Any] | None
    raw: str
    line: int


def documents(stream: IO[bytes]) -> Iterator[Document]:
    """Yield the JSON objects of a stream: one per line, in a list, in JavaScript assignments, or concatenated.

    Invalid text up to the next line that begins with an object is yielded as a :class:`Document` whose value is None.
    So is the end of a stream inside a list, with an empty text: the stream was cut after an object.

    Raises:
        UnicodeDecodeError: the stream is not UTF-8.
    """
    decoder, parse = codecs.getincrementaldecoder("utf-8-sig")(), json.JSONDecoder().raw_decode
    text, place, size, ended = "", 0, _READ_BYTES, False
    line, counted = 1, 0  # the line of the character ``counted``
    lists = 0  # how many lists are open
    while True:
        start, place = place, _after(_BETWEEN, text, place)
        lists += text.count("[", start, place) - text.count("]", start, place)
        line, counted = line + text.count("\n", counted, place), place
        if place < len(text):
            try:
                value, end = parse(text, place)
                value = value if isinstance(value, dict) else None
            except (ValueError, RecursionError):  # the object may continue in bytes that are not read yet
                value, end = None, -1
                if ended or len(text) - place > _LONGEST_OBJECT:
                    following = text.find("\n{", place + 1)
                    end = following if following >= 0 else len(text)
            if end >= 0 and (value is not None or ended or end < len(text)):
                yield Document(value, text[place:end], line)
                place, size = end, _READ_BYTES
                lists = 0 if value is None else lists  # invalid text may contain the end of a list
                continue
        if ended:
            if lists > 0:
                yield Document(None, "", line)
            return
        raw = stream.read(size)
        ended, size = not raw, min(2 * size, _LONGEST_OBJECT)
        text, place, counted = text[place:] + decoder.decode(raw, ended), 0, 0


def values_at(value: Any, path: str) -> list[Any]:
    """Return the values at a path such as ``tweet.full_text`` or ``data[].text``.

    ``[]`` stands for each item of a list. A value that is not a list is treated as a list with one item.
    """
    found = [value]
    for step in path.split(".") if path else ():
        name, is_list = step.removesuffix("[]"), step.endswith("[]")
        found = [each[name] for each in found if isinstance(each, dict) and name in each]
        if is_list:
            found = [item for each in found for item in (each if isinstance(each, list) else [each])]
    return found


def value_at(row: dict[str, Any], path: str) -> Any:
    """Return the first value at a path, or None. A field whose name equals the whole path takes precedence."""
    return row[path] if path in row else next(iter(values_at(row, path)), None)


def refuse_missing(column: str, rows: Sequence[dict[str, Any]], where: str, option: str, before: str = "") -> NoReturn:
    """Raise an :class:`InputError` because no object in ``rows`` has the field ``column``.

    The message about the file ``where`` lists the fields of ``rows``, including the paths of nested texts, each with
    the prefix ``before``. It also names the options to change, which have the prefix ``option``.
    """
    fields = ((name, value) for row in rows for name, value in row.items())
    names = dict.fromkeys(
        before + path
        for name, value in fields
        for path in (text_paths(value, name) if isinstance(value, dict | list) else [name])
    )
    received = shown(", ".join(names))
    raise InputError(f"{where}: expected a column {column!r}, received {received}; {column_advice(option)}")


def text_paths(row: Any, before: str) -> Iterator[str]:
    """Yield the path of each string in ``row``, prefixed by ``before``. Only the first item of a list is searched."""
    if isinstance(row, str):
        yield before
    elif isinstance(row, list) and row:
        yield from text_paths(row[0], f"{before}[]")
    elif isinstance(row, dict):
        for name, value in row.items():
            yield from text_paths(value, f"{before}.{name}" if before else name)


class _Literal(str):
    """A number as text, exactly as the JSON line writes it, because a float could lose digits."""

    __slots__ = ()


class Field(NamedTuple):
    """The value of a field as ``text`` (None for null), and the value's ``kind`` for messages, such as ``a number``."""

    text: str | None
    kind: str


def fields_of(line: bytes) -> dict[str, Field]:
    """Return the fields of the JSON object in a line, by name. Any other line raises a ValueError that says why."""
    try:
        text = line.decode()
        values = json.loads(text, parse_int=_Literal, parse_float=_Literal, parse_constant=_Literal)
    except RecursionError:
        raise ValueError("expected a JSON object, received one that is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"expected a JSON object in UTF-8, received {line[:_SHOWN]!r} ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object, received {_field(values, text).kind}")
    raw = dict(_raw_pairs(text)) if any(isinstance(value, dict | list) for value in values.values()) else {}
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


def _raw_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield each field name of the JSON object ``text`` with the exact JSON text of its value."""
    decoder = json.JSONDecoder()
    place = _after(_BLANK, text, _after(_BLANK, text, 0) + 1)
    while text[place] != "}":
        name, end = decoder.raw_decode(text, place)
        start = _after(_BLANK, text, _after(_BLANK, text, end) + 1)
        _, end = decoder.raw_decode(text, start)
        yield name, text[start:end]
        place = _after(_BLANK, text, end)
        if text[place] == ",":
            place = _after(_BLANK, text, place + 1)


def _after(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place
