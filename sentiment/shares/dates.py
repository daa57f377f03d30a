"""Parse the dates of tweets, and name the period (hour to year) of each date. All periods are in UTC."""

import datetime
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.errors import InputError

# Offsets from UTC in hours of the time zones that RFC 5322 names (section 4.3). Sentiment140's dates are in PDT.
_ZONES = {
    **dict.fromkeys(("UT", "UTC", "GMT", "Z"), 0),
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"\d\d:\d\d:\d\d"
_OFFSET = r"\s*(?:Z|UTC|[+-]\d\d:?\d\d)?$"
_EPOCH = r"^\d{9,13}(?:\.\d+)?$"
_MILLISECONDS_FROM = 10**11  # Larger numbers are milliseconds: as seconds, they would be dates after the year 5138.


class _Form(NamedTuple):
    """A text format of dates, with each field at a fixed position.

    Attributes:
        pattern: a regular expression that the whole text must match.
        year, month: the start and end of the field; negative positions count from the end of the text.
        digits: the start of the day, hour, minute and second, which have two digits each.
        zone: the start and end of the time zone, including any fraction of a second before the zone.
    """

    pattern: str
    year: tuple[int, int | None]
    month: tuple[int, int]
    digits: tuple[int, ...]
    zone: tuple[int, int | None]


_FORMS = (
    _Form(rf"^\d{{4}}-\d\d-\d\d[T ]{_TIME}(?:[.,]\d+)?{_OFFSET}", (0, 4), (5, 7), (8, 11, 14, 17), (19, None)),
    # Sentiment140 writes the zone as a name, X as an offset; both put the year last.
    _Form(
        rf"^[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ \d]\d {_TIME} (?:[A-Z]{{1,4}}|[+-]\d{{4}}) \d{{4}}$",
        (-4, None), (4, 7), (8, 11, 14, 17), (20, -5),
    ),
    _Form(rf"^\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d{_OFFSET}", (0, 4), (5, 7), (8, 11, 14), (16, None)),
    _Form(rf"^\d{{4}}-\d\d-\d\d{_OFFSET}", (0, 4), (5, 7), (8,), (10, None)),
)  # fmt: skip


def read_dates(column: pa.Array, name: str) -> np.ndarray:
    """Return dates as datetime64[s] in UTC, ``(n,)``; NaT for a cell that is empty or not readable as a date.

    Args:
        column: ``n`` timestamps, dates, texts (UTC unless a text names a time zone), or seconds or milliseconds since
            1970.
        name: the column's name, used in the error message.

    Raises:
        InputError: the column has another type.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        seconds = column.cast(pa.timestamp("s", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
        return _from_seconds(seconds)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _from_numbers(column.cast(pa.float64()))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_null(column.type):
        return _from_text(column.cast(pa.string()))
    raise InputError(
        f"column {name!r} holds {column.type}, expected dates: set --date to a column of text, times or numbers"
    )


def period_names(dates: np.ndarray, period: str) -> pa.DictionaryArray:
    """Return the name of each date's period, a dictionary array of strings ``(n,)``; NaT gives an empty name.

    Names are for example 2009-04-06T22, 2009-04-06, 2009-W15 (ISO 8601 week, from Monday), 2009-04, 2009-Q2 and 2009.
    """
    distinct, place = np.unique(dates.astype(_UNIT[period]), return_inverse=True)
    names = ["" if np.isnat(each) else _NAME[period](each) for each in distinct]
    return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(names, pa.string()))


def periods_between(first: str, last: str, period: str) -> list[str]:
    """Return the names of all periods from ``first`` to ``last``, which are names from :func:`period_names`.

    If there are more than 10,000 names, the list is empty, because one of the dates is probably wrong.
    """
    begin, end = (_begin_of(name, period).astype(_UNIT[period]) for name in (first, last))
    dates = np.arange(begin, end + 1, _STEP.get(period, 1))
    return period_names(dates, period).to_pylist() if len(dates) <= _MOST_PERIODS else []


def _begin_of(name: str, period: str) -> np.datetime64:
    if period == "week":
        return np.datetime64(datetime.date.fromisoformat(name))
    year, _, quarter = name.partition("-Q")
    return np.datetime64(f"{year}-{3 * int(quarter) - 2:02}" if quarter else name)


_STEP = {"week": 7, "quarter": 3}  # the length of a week in days and of a quarter in months
_MOST_PERIODS = 10_000
_UNIT = {"hour": "M8[h]", "day": "M8[D]", "week": "M8[D]", "month": "M8[M]", "quarter": "M8[M]", "year": "M8[Y]"}
PERIODS = tuple(_UNIT)
_NAME: dict[str, Callable[[Any], str]] = {
    "hour": str,
    "day": str,
    "week": lambda day: "{}-W{:02}".format(*day.item().isocalendar()),
    "month": str,
    "quarter": lambda month: f"{month.item().year}-Q{(month.item().month + 2) // 3}",
    "year": str,
}


def _from_seconds(seconds: pa.Array) -> np.ndarray:
    missing = np.iinfo(np.int64).min  # NumPy's NaT
    return seconds.fill_null(missing).to_numpy(zero_copy_only=False).astype("M8[s]")


def _from_numbers(numbers: pa.Array) -> np.ndarray:
    scale = pc.if_else(pc.greater_equal(numbers, float(_MILLISECONDS_FROM)), 1000.0, 1.0)
    return _from_seconds(pc.floor(pc.divide(numbers, scale)).cast(pa.int64(), safe=False))


def _from_text(texts: pa.Array) -> np.ndarray:
    """Parse the texts as dates: try each format in turn on the texts that no earlier format could parse."""
    texts = pc.ascii_trim_whitespace(texts)
    dates = np.full(len(texts), "NaT", dtype="M8[s]")
    for form in _FORMS:
        _fill_in(dates, texts, form.pattern, partial(_from_fields, form=form))
    _fill_in(dates, texts, _EPOCH, lambda cells: _from_numbers(cells.cast(pa.float64())))
    return dates


def _fill_in(dates: np.ndarray, texts: pa.Array, pattern: str, read: Callable[[pa.Array], np.ndarray]) -> None:
    """Set the dates that are still NaT and whose texts match ``pattern``."""
    left = np.flatnonzero(np.isnat(dates))
    cells = texts.take(pa.array(left))
    matches = pc.fill_null(pc.match_substring_regex(cells, pattern), False)
    found = left[matches.to_numpy(zero_copy_only=False)]
    if len(found):
        dates[found] = read(cells.filter(matches))


def _from_fields(cells: pa.Array, form: _Form) -> np.ndarray:
    """Return the dates of ASCII texts that match ``form``; NaT for a day or a time that does not exist."""
    month = _decoded(cells, form.month, _month)
    first = (_decoded(cells, form.year, int) - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1).astype("m8[M]")
    day, hour, minute, second = [*_two_digits(cells, form.digits), 0, 0, 0][:4]
    days = first.astype("M8[D]") + (day - 1).astype("m8[D]")
    seconds = hour * 3600 + minute * 60 + second - _decoded(cells, form.zone, _offset)
    exists = (
        (first >= np.datetime64("0001")) & (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("M8[M]") == first)
    )
    exists &= (hour < 24) & (minute < 60) & (second < 61)
    return np.where(exists, days.astype("M8[s]") + seconds.astype("m8[s]"), np.datetime64("NaT"))


def _two_digits(cells: pa.Array, starts: Sequence[int]) -> list[Any]:
    """Return the two-digit numbers at ``starts`` (ascending) in each cell, int64 ``(n,)`` each; a blank counts as 0."""
    width = starts[-1] + 2
    cells = pc.binary_slice(cells.cast(pa.binary()), 0, width).cast(pa.binary(width))
    characters = np.frombuffer(cells.buffers()[1], np.uint8).reshape(-1, width) & 15
    return [characters[:, at].astype(np.int64) * 10 + characters[:, at + 1] for at in starts]


def _decoded(cells: pa.Array, place: tuple[int, int | None], decode: Callable[[str], int]) -> np.ndarray:
    """Return the decoded slice ``place`` of each cell, int64 ``(n,)``; each distinct slice is decoded only once."""
    distinct = pc.utf8_slice_codeunits(cells, *place).dictionary_encode()
    values = np.array([decode(each) for each in distinct.dictionary.to_pylist()], dtype=np.int64)
    return values[distinct.indices.to_numpy()]


def _month(text: str) -> int:
    """Return the number of a month from its digits or its abbreviated English name; 0 for any other name."""
    if text.isdecimal():
        return int(text)
    return _MONTHS.index(text) + 1 if text in _MONTHS else 0


def _offset(text: str) -> int:
    """Return the offset of a time zone from UTC in seconds; 0 for a missing or unknown zone."""
    if offset := re.search(r"([+-])(\d\d):?(\d\d)$", text):
        sign, hours, minutes = offset.groups()
        return (1 if sign == "+" else -1) * (int(hours) * 3600 + int(minutes) * 60)
    return _ZONES.get(text.strip(), 0) * 3600
