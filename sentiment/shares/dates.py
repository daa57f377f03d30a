"""Parse the dates of tweets, and name the period (hour to year) of each date. All periods are in UTC."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentiment.common.arrow_arrays import as_numpy, constant, from_numpy, from_strings
from sentiment.common.messages import shown
from sentiment.errors import InputError

# Offsets from UTC in hours of the time zones that RFC 5322 names (section 4.3). Sentiment140's dates are in PDT.
_ZONES = {
    **dict.fromkeys(("UT", "UTC", "GMT", "Z"), 0),
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_TO_1970 = datetime.date(1970, 1, 1).toordinal()
_FIRST, _END = np.datetime64("0001-01-01", "s"), np.datetime64("10000-01-01", "s")  # as of Python's dates
_DATE, _ZONE = r"^\d{4}-\d\d-\d\d", r"\s*(?:Z|UTC|[+-]\d\d(?::?\d\d)?)?$"
_END_OF_TEXT = (1 << 31) - 1  # Arrow's `binary_slice` raises an error for a slice without an end
# The formats of dates, each with the positions of its fields, whose names are those of `_from_fields`. Positions are
# faster than groups in the expressions, which would take half as long again.
_FORMS: dict[str, dict[str, tuple[int, int]]] = {
    rf"{_DATE}[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?{_ZONE}": {
        "date": (0, 10), "minute": (11, 16), "second": (17, 19), "zone": (19, _END_OF_TEXT)
    },
    # Sentiment140 writes the zone as a name, X as an offset; both put the year last.
    r"^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[A-Z]{1,4}|[+-]\d{4}) \d{4}$": {
        "date": (4, 10), "minute": (11, 16), "second": (17, 19), "zone": (20, -5), "year": (-4, _END_OF_TEXT)
    },
    rf"{_DATE}[T ]\d\d:\d\d{_ZONE}": {"date": (0, 10), "minute": (11, 16), "zone": (16, _END_OF_TEXT)},
    rf"{_DATE}{_ZONE}": {"date": (0, 10), "zone": (10, _END_OF_TEXT)},
    r"^\d{9,13}(?:\.\d+)?$": {"epoch": (0, _END_OF_TEXT)},
}  # fmt: skip
_SECONDS_FROM = 10**8  # Smaller numbers are not read: they are years, or dates such as 20090406.
_MILLISECONDS_FROM = 10**11  # Larger numbers are milliseconds: as seconds, they would be dates after the year 5138.


def read_dates(column: pa.Array, name: str) -> np.ndarray:
    """Return dates as datetime64[s] in UTC, ``(n,)``; NaT for a cell without a readable date of the years 1 to 9999.

    Args:
        column: ``n`` timestamps, dates, texts (UTC unless a text names a time zone), or seconds or milliseconds since
            1970, from March 1973 on.
        name: the column's name, used in the error message.

    Raises:
        InputError: the column has another type.
    """
    dates = _from_column(column, name)
    return np.where((dates >= _FIRST) & (dates < _END), dates, np.datetime64("NaT"))


def _from_column(column: pa.Array, name: str) -> np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        seconds = column.cast(pa.timestamp("s", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
        return _from_seconds(seconds)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _from_numbers(column.cast(pa.float64(), safe=False))  # not all of 64 bits fit into a float exactly
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_null(column.type):
        return _from_text(column.cast(pa.string()))
    raise InputError(
        f"column {name!r} holds {shown(column.type)}, expected dates: set --date to a column of text, times or numbers"
    )


def period_names(dates: np.ndarray, period: str) -> pa.DictionaryArray:
    """Return the name of each date's period, a dictionary array of strings ``(n,)``; NaT gives an empty name.

    Names are for example 2009-04-06T22, 2009-04-06, 2009-W15 (ISO 8601 week, from Monday), 2009-04, 2009-Q2 and 2009.
    The names in the dictionary are distinct.
    """
    distinct, place = np.unique(dates.astype(_UNIT[period]), return_inverse=True)
    names = ["" if np.isnat(each) else _NAME.get(period, str)(each) for each in distinct]
    return from_strings(names).dictionary_encode().take(from_numpy(place))  # the days of a week have one name


def periods_between(first: str, last: str, period: str) -> list[str]:
    """Return the names of all periods from ``first`` to ``last``, which are names from :func:`period_names`.

    If there are more than 10,000 names, the list is empty, because one of the dates is probably wrong.
    """
    begin, end = (_begin_of(name, period).astype(_UNIT[period]) for name in (first, last))
    step = _STEP.get(period, 1)
    if int((end - begin).astype(np.int64)) >= step * _MOST_PERIODS:
        return []
    return period_names(np.arange(begin, end + 1, step), period).to_pylist()


def _begin_of(name: str, period: str) -> np.datetime64:
    if period == "week":
        return np.datetime64(datetime.date.fromisoformat(name))
    year, _, quarter = name.partition("-Q")
    return np.datetime64(f"{year}-{3 * int(quarter) - 2:02}" if quarter else name)


_STEP = {"week": 7, "quarter": 3}  # the length of a week in days and of a quarter in months
_MOST_PERIODS = 10_000
_UNIT = {"hour": "M8[h]", "day": "M8[D]", "week": "M8[D]", "month": "M8[M]", "quarter": "M8[M]", "year": "M8[Y]"}
PERIODS = tuple(_UNIT)
_NAME: dict[str, Callable[[Any], str]] = {  # the other periods have NumPy's names
    "week": lambda day: "{}-W{:02}".format(*day.item().isocalendar()),
    "quarter": lambda month: f"{month.item().year}-Q{(month.item().month + 2) // 3}",
}


def _from_seconds(seconds: pa.Array) -> np.ndarray:
    missing = np.iinfo(np.int64).min  # NumPy's NaT
    return as_numpy(seconds.fill_null(constant(missing))).astype("M8[s]")


def _from_numbers(numbers: pa.Array) -> np.ndarray:
    are_dates = pc.greater_equal(numbers, constant(float(_SECONDS_FROM)))
    numbers = pc.if_else(are_dates, numbers, pa.nulls(1, numbers.type)[0])
    are_fine = pc.greater_equal(numbers, constant(float(_MILLISECONDS_FROM)))
    scale = pc.if_else(are_fine, constant(1000.0), constant(1.0))
    return _from_seconds(pc.floor(pc.divide(numbers, scale)).cast(pa.int64(), safe=False))


def _from_text(texts: pa.Array) -> np.ndarray:
    """Parse the distinct texts as dates: try each format in turn on the texts that no earlier format could parse.

    No text has two formats, so their order does not matter. The format of the first text is tried first, because most
    columns have only one.
    """
    encoded = texts.dictionary_encode(null_encoding="encode")
    texts = pc.ascii_trim_whitespace(encoded.dictionary)
    dates = np.full(len(texts), "NaT", dtype="M8[s]")
    first = next(filter(None, texts[:1].to_pylist()), "")
    for form in sorted(_FORMS, key=lambda form: not re.match(form, first)):
        if not len(left := np.flatnonzero(np.isnat(dates))):
            break
        matches = pc.match_substring_regex(texts.take(from_numpy(left)), form)
        left = left[as_numpy(matches.fill_null(constant(False)))]
        found = texts.take(from_numpy(left)).cast(pa.binary())
        fields = {name: pc.binary_slice(found, *span).cast(pa.string()) for name, span in _FORMS[form].items()}
        dates[left] = _from_fields(fields)
    return dates[as_numpy(encoded.indices)]


def _from_fields(fields: dict[str, pa.Array]) -> np.ndarray:
    """Return dates from their fields as texts (``date``, ``minute``, ``zone``, ...); NaT if no such date exists."""
    if "epoch" in fields:
        return _from_numbers(fields["epoch"].cast(pa.float64()))
    if "year" in fields:
        fields["date"] = pc.binary_join_element_wise(fields["year"], fields["date"], constant("-"))
    zones = pc.ascii_ltrim(fields["zone"], "0123456789.,")  # without the fraction of a second
    dates = _decoded(fields["date"], _day, "M8[D]") - _decoded(zones, _offset, "m8[s]")
    if "minute" in fields:
        dates += _decoded(fields["minute"], _minute, "m8[m]")
    if "second" in fields:
        dates += _decoded(fields["second"], lambda text: int(text) if int(text) < 61 else None, "m8[s]")
    return dates


def _decoded(field: pa.Array, decode: Callable[[str], int | None], unit: str) -> np.ndarray:
    """Convert texts to the NumPy type ``unit``, such as ``M8[D]``, with one call of ``decode`` per distinct text."""
    distinct = field.dictionary_encode()
    return np.array([decode(each) for each in distinct.dictionary.to_pylist()], unit)[as_numpy(distinct.indices)]


def _day(text: str) -> int | None:
    """Return the days from 1970 to a date such as 2009-04-06 or 2009-Apr 06; None if there is no such day."""
    year, month, day = re.split("[- ]+", text)
    try:
        number = int(month) if month.isdecimal() else _MONTHS.index(month) + 1
        return datetime.date(int(year), number, int(day)).toordinal() - _DAYS_TO_1970
    except ValueError:
        return None


def _minute(text: str) -> int | None:
    """Return the minutes from midnight to a time such as 22:05; None if there is no such time."""
    hour, minute = int(text[:2]), int(text[3:])
    return 60 * hour + minute if hour < 24 and minute < 60 else None


def _offset(text: str) -> int:
    """Return the UTC offset, in seconds, of the time zone at the end of ``text``; 0 for a missing or unknown zone."""
    if offset := re.search(r"([+-])(\d\d):?(\d\d)?$", text):
        sign, hours, minutes = offset.groups()
        return (1 if sign == "+" else -1) * (int(hours) * 3600 + int(minutes or 0) * 60)
    return _ZONES.get(text.strip(), 0) * 3600
