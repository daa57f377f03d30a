"""What tweets are divided by: one period of their date, and columns that make groups."""

from collections.abc import Sequence

from sentiment.errors import InputError

PERIODS = ("hour", "day", "week", "month", "quarter", "year")


def divided_by(date: str, by: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """Return the column of the dates, the period, and the columns that make the groups.

    Raises:
        InputError: there are two periods, or a period without a column of dates or the other way round.
    """
    periods = [each for each in by if each in PERIODS]
    if len(periods) > 1:
        raise InputError(f"--by: expected one period, received {' and '.join(periods)}")
    if bool(periods) != bool(date):
        received = f"--date {date}" if date else f"--by {periods[0]}"
        others = f" and --by {', '.join(by)}" if date and by else ""
        raise InputError(
            f"--date goes with a period (--by {'|'.join(PERIODS)}); give both or neither; received {received}{others}"
        )
    return date, "".join(periods), tuple(each for each in by if each not in PERIODS)
