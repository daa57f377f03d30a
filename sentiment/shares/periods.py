"""The options that divide tweets by a period and into groups."""

from collections.abc import Sequence

from sentiment.errors import InputError

PERIODS = ("hour", "day", "week", "month", "quarter", "year")


def divided_by(date: str, by: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    """Return the date column, the period and the group columns, from the values of ``--date`` and ``--by``.

    Raises:
        InputError: there are two periods, a period without a date column, or a date column without a period.
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
