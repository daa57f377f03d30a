"""Command line: estimate the share of each class among many tweets, over time and per group.

sentiment share tweets.parquet --date created_at --by week --by brand --output answer
sentiment share tweets.parquet --date created_at --by week --labels to_label.csv --output answer

Inputs are files, folders or glob patterns, or a folder that `sentiment score` wrote. After a crash, or to add labels,
run the same command again; no tweet is scored twice. `sentiment draw` writes the file to label.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sentiment.common.command_line import OneLineParser, class_name, path, place
from sentiment.common.messages import run_command
from sentiment.predict.options import add_table_options, reading_of
from sentiment.score.__main__ import add_engine_options, engine_of


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.shares") -> int:
    """Run `sentiment share`; return the exit status: 0, 2 after a user's mistake, or 130 after an interrupt."""
    arguments = _parser(prog).parse_args(argv)
    again = "run the same command again"
    return run_command(
        lambda: _run(arguments), "share", "; use fewer --workers", arguments.output, f"mend that and {again}",
        f"{again} to go on",
    )  # fmt: skip


def add_grouping_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `sentiment share` and `sentiment draw` have in common, such as ``--date`` and ``--by``."""
    parser.add_argument(
        "inputs",
        nargs="+",
        type=place,
        metavar="INPUT",
        help="files, folders, patterns, or a folder that `sentiment score` wrote",
    )
    parser.add_argument(
        "--date", default="", metavar="COLUMN", help="when a tweet was written: ISO, dates of X, or seconds since 1970"
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="PERIOD|COLUMN",
        help="divide by a period (hour, day, week, month, quarter, year) of --date, or by a column; "
        "may be given several times",
    )  # fmt: skip
    parser.add_model()  # type: ignore[attr-defined]
    add_table_options(parser.add_argument)
    add_engine_options(parser)


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_grouping_options(parser)
    parser.add_argument(
        "--output", type=path, required=True, metavar="FOLDER", help="for answer.html, shares.csv and shares.json"
    )
    parser.add_argument("--labels", type=Path, metavar="CSV", help="a file of `sentiment draw` that was filled in")
    parser.add_argument(
        "--also", action="append", type=class_name, default=[], metavar="CLASS",
        help="a label that the model does not have; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="store_true", help="score anew where the output folder has answers of something else"
    )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    reading = reading_of(arguments)
    with engine_of(arguments) as engine:
        from sentiment.shares.run import ShareRequest, share
        from sentiment.shares.scored import share_columns

        request = ShareRequest(
            tuple(arguments.inputs), Path(arguments.output), Path(arguments.model), reading,
            share_columns(reading.column, arguments.date, arguments.by), arguments.labels, tuple(arguments.also),
            arguments.force,
        )  # fmt: skip
        answer = share(request, engine, show_progress=True)
    for line in answer.summary():
        sys.stdout.write(f"{line}\n")
    sys.stderr.write(f"share: {arguments.output}/answer.html\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
