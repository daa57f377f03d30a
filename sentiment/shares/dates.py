"""Read the dates that tweets come with, and name the periods they belong to. All periods are in UTC."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.errors import InputError

# Hours from UTC of the named zones of RFC 5322, section 4.3. Sentiment140's dates are in PDT.
_ZONES = {
    **dict.fromkeys(("UT", "UTC", "GMT", "Z"), 0),
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO = (
    r"^\s*(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?\s*$"
)
# Sentiment140 writes the zone as a name, X as an offset; both put the year last.
_YEAR_LAST = (
    r"^\s*[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2}) "
    r"(?P<zone>[A-Z]{1,4}|[+-]\d{4}) (?P<year>\d{4})\s*$"
)
_EPOCH = r"^\s*\d{9,13}(?:\.\d+)?\s*$"
_MILLISECONDS_FROM = 10**11  # A number from here on counts milliseconds: in seconds it would be the year 5138.


def read_dates(column: pa.Array, name: str) -> np.ndarray:
    """Return the dates as datetime64[s] in UTC, NaT where a cell is empty or not readable as a date.

    A date without a zone counts as UTC.

    Args:
        column: text, timestamps, dates, or numbers of seconds or milliseconds since 1970, ``(n,)``.
        name: of the column, for the message.

    Raises:
        InputError: the column's type has no dates.
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


def period_names(dates: np.ndarray, period: str) -> np.ndarray:
    """Name the period of each date, str ``(n,)``: 2009-04-06T22, 2009-04-06, 2009-W15, 2009-04, 2009-Q2, 2009.

    Weeks are those of ISO 8601, which begin on Monday. NaT has the name "".
    """
    kept = ~np.isnat(dates)
    names = np.full(len(dates), "", dtype="U16")
    distinct, place = np.unique(dates[kept].astype(_UNIT[period]), return_inverse=True)
    if len(distinct):
        names[kept] = np.array([_NAME[period](each) for each in distinct])[place]
    return names


_UNIT = {"hour": "M8[h]", "day": "M8[D]", "week": "M8[D]", "month": "M8[M]", "quarter": "M8[M]", "year": "M8[Y]"}
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
    """Try each form on the cells that no earlier form has read."""
    dates = np.full(len(texts), "NaT", dtype="M8[s]")
    forms: tuple[tuple[str, Callable[[pa.Array], np.ndarray]], ...] = (
        (_ISO, lambda cells: _from_fields(cells, _ISO)),
        (_YEAR_LAST, lambda cells: _from_fields(cells, _YEAR_LAST)),
        (_EPOCH, lambda cells: _from_numbers(pc.utf8_trim_whitespace(cells).cast(pa.float64()))),
    )
    for pattern, read in forms:
        left = np.isnat(dates)
        if not left.any():
            break
        matches = pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy(zero_copy_only=False) & left
        if matches.any():
            dates[matches] = read(texts.filter(pa.array(matches)))
    return dates


def _from_fields(texts: pa.Array, pattern: str) -> np.ndarray:
    """Return the dates of texts that match ``pattern``, by its named groups; NaT for a day that does not exist."""
    fields = pc.extract_regex(texts, pattern)
    year, month, day, hour, minute, second = (
        _numbers(pc.struct_field(fields, name)) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    first = (year - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1).astype("m8[M]")
    days = first.astype("M8[D]") + (day - 1).astype("m8[D]")
    seconds = hour * 3600 + minute * 60 + second - _offsets(pc.struct_field(fields, "zone"))
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("M8[M]") == first)
    exists &= (hour < 24) & (minute < 60) & (second < 61)
    return np.where(exists, days.astype("M8[s]") + seconds.astype("m8[s]"), np.datetime64("NaT"))


def _numbers(texts: pa.Array) -> np.ndarray:
    """Return digits, or the English name of a month, as int64; 0 for an empty text and for another name."""
    distinct = texts.dictionary_encode()
    names = {"": 0} | {name: i for i, name in enumerate(_MONTHS, start=1)}
    values = [int(text) if text.isdecimal() else names.get(text, 0) for text in distinct.dictionary.to_pylist()]
    return np.array(values, dtype=np.int64)[distinct.indices.to_numpy()]


def _offsets(zones: pa.Array) -> np.ndarray:
    """Return the seconds that each zone is ahead of UTC, int64 ``(n,)``; a name that is not known counts as UTC."""
    distinct = zones.dictionary_encode()
    seconds = np.array([_offset(zone) for zone in distinct.dictionary.to_pylist()], dtype=np.int64)
    return seconds[distinct.indices.to_numpy()]


def _offset(zone: str) -> int:
    if zone[:1] in ("+", "-") and zone:
        digits = zone[1:].replace(":", "")
        return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
    return _ZONES.get(zone, 0) * 3600
