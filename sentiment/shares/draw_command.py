"""Command line: draw a random sample of tweets to label by hand, with known probabilities.

sentiment draw tweets.parquet --rows 200 --output to_label.csv
sentiment draw tweets.parquet --date created_at --by week --rows 300 --output to_label.csv

Fill in the column `label`, for example in a spreadsheet, then give the file to `sentiment share --labels`. Each
period and group gets its proportion of the sample. Tweets of which the model is unsure are more likely to be drawn.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sentiment.common.command_line import OneLineParser, count, path, whole_number
from sentiment.common.messages import counted, run_command
from sentiment.predict.options import reading_of
from sentiment.score.__main__ import engine_of
from sentiment.shares.__main__ import add_grouping_options


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.shares.draw_command") -> int:
    """Run `sentiment draw`; return the exit status: 0, 2 after a user's mistake, or 130 after an interrupt."""
    arguments = _parser(prog).parse_args(argv)
    remedy, target = "mend that and run it again", arguments.output
    return run_command(lambda: _run(arguments), "draw", "; use fewer --workers", target, remedy, "nothing was written")


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_grouping_options(parser)
    parser.add_argument("--output", type=path, required=True, metavar="CSV", help="the file to fill in")
    parser.add_argument("--rows", type=whole_number(1), default=200, metavar="N", help="how many to draw (200)")
    parser.add_argument("--seed", type=count, default=7, metavar="N", help="the same seed draws the same rows (7)")
    parser.add_argument("--even", action="store_true", help="give every tweet the same chance")
    parser.add_argument("--force", action="store_true", help="replace a file that is there, with its labels")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    reading = reading_of(arguments)
    from sentiment.common.file_checks import require_writable
    from sentiment.common.stores import open_store
    from sentiment.shares.run import ShareRequest, drawn_rows, scored_folder
    from sentiment.shares.sample import to_label
    from sentiment.shares.scored import share_columns

    columns, target = share_columns(reading.column, arguments.date, arguments.by), Path(arguments.output)
    require_writable(target, arguments.force, ", with labels perhaps")
    with tempfile.TemporaryDirectory(prefix="sentiment-draw-") as scratch:
        request = ShareRequest(tuple(arguments.inputs), Path(scratch), Path(arguments.model), reading, columns, target)
        with engine_of(arguments) as engine:
            folder = scored_folder(request, engine, show_progress=True)
        drawn = list(drawn_rows(open_store(folder), columns, arguments.rows, arguments.seed, arguments.even))
    random.Random(arguments.seed).shuffle(drawn)  # so that a person who stops early has labelled a random part
    name = reading.column if not reading.column.isdecimal() else "text"
    content = to_label("text" if name in ("row", "chance", "label") else name, drawn)
    open_store(str(target.parent)).write(target.name, content.encode("utf-8-sig"))  # Excel needs the mark
    sys.stderr.write(f"draw: {counted(len(drawn), 'row')} to label in {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
