"""Options that several commands share: how a table is read, and how probabilities become labels and columns."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sentiment.common.command_line import probability
from sentiment.errors import InputError
from sentiment.predict.answers import UNCERTAIN, UNKNOWN_TEXT, AnswerOptions

if TYPE_CHECKING:
    from sentiment.data.reading import BadRows, Reading

_QUOTES = {"": None, "yes": True, "no": False}  # without an answer, whether quotes enclose fields is detected


def add_answer_options(add: Callable[..., Any]) -> None:
    """Add the options that decide how probabilities become labels. ``add`` is a parser's ``add_argument``."""
    below = f"below this probability: {UNCERTAIN!r}"
    add("--threshold", type=probability, default=0.0, metavar="P", help=below)
    add("--answer-unknown", action="store_true", help=f"the most probable class, instead of {UNKNOWN_TEXT!r}")


def add_table_options(add: Callable[..., Any]) -> None:
    """Add the options for reading a table and naming the new columns. ``add`` is a parser's ``add_argument``."""
    add("--column", help="column of the tweets: a name, or a position from 0 in a .csv without header (text)")
    add("--delimiter", default="", help="of a .csv (default: detected)")
    add("--quotes", choices=("yes", "no"), help="whether quotes enclose fields (default: detected)")
    add("--encoding", help="of a .csv or of standard input (default: utf-8)")
    add("--prefix", metavar="P", help="of added columns (default: none; predicted_ if a name is taken)")


def reading_of(
    given: argparse.Namespace, kind: str = "", bad_rows: "BadRows | None" = None, option: str = "--"
) -> "Reading":
    """Return the settings for reading a table, taken from the options of a command or of a request.

    Args:
        given: the options ``column``, ``encoding``, ``delimiter`` and ``quotes``. None as a value means the default.
        kind: the table's format; if empty, the file's name decides.
        bad_rows: collects the unreadable rows, which are left out; if None, an unreadable row is an error.
        option: the prefix of the options' names in error messages.

    Raises:
        InputError: one of the options is not valid.
    """
    from sentiment.data.csv_format import is_delimiter
    from sentiment.data.reading import Reading

    delimiter = {"\\t": "\t", "tab": "\t"}.get(given.delimiter, given.delimiter or "")
    if delimiter and not is_delimiter(delimiter):
        raise InputError(
            f"{option}delimiter {delimiter[:20]!r}: expected one ASCII character, or tab; no quote or line end"
        )
    column = "text" if given.column is None else given.column
    if not column:
        raise InputError(f"{option}column '': expected the name of a column, received none; leave it out for 'text'")
    quotes = given.quotes or ""
    if quotes not in _QUOTES:
        raise InputError(f"{option}quotes {quotes[:20]!r}: expected yes or no")
    return Reading(column, encoding_of(given, option), delimiter, kind, bad_rows, option, quotes=_QUOTES[quotes])


def encoding_of(given: argparse.Namespace, option: str = "--") -> str:
    """Return the input's encoding. A name that is not a text encoding of Python raises an `InputError`."""
    encoding: str = given.encoding or "utf-8"
    try:
        "a".encode(encoding)
    except (LookupError, ValueError) as error:
        raise InputError(f"{option}encoding {encoding[:60]}: not a codec that Python knows") from error
    return encoding


def answer_options_of(arguments: argparse.Namespace) -> AnswerOptions:
    """Return the options that decide how probabilities become labels and columns."""
    return AnswerOptions(arguments.threshold, arguments.answer_unknown, arguments.prefix)
