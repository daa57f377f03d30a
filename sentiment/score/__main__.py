"""Command line: label the tweets of files, folders and patterns, on all cores or on a Ray cluster.

sentiment score tweets/ --output answers
sentiment score "s3://bucket/tweets/*.parquet" --output s3://bucket/answers --engine ray --address auto

Run the same command again after a crash: parts that are done are left out, parts that have changed are scored again.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from sentiment.common.command_line import OneLineParser, count, workers
from sentiment.common.mistakes import INTERRUPTED, MENDABLE, refuse
from sentiment.common.parallel import available_cores
from sentiment.errors import InputError
from sentiment.predict.options import add_answer_options, add_table_options, answer_options_of, encoding_of, reading_of

if TYPE_CHECKING:
    from sentiment.common.engines import Engine
    from sentiment.score.run import Totals

_SOME_FAILED = 3
_PATIENCE = 60  # seconds
_FORMATS = ("parquet", "csv", "jsonl")


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.score") -> int:
    """Run the command; return its exit status.

    It is 0, 2 for a user's mistake, 3 if more than ``--max-errors`` files or rows could not be scored, and 130 after
    an interrupt.
    """
    arguments = _parser(prog).parse_args(argv)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        return _run(arguments)
    except MENDABLE as error:
        remedy = "mend that and run the same command again to go on"
        return refuse("score", error, "; use fewer --workers", arguments.output, remedy)
    except KeyboardInterrupt:
        sys.stderr.write("score: stopped; run the same command again to go on\n")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT",
        help="file, folder or pattern: .parquet, .csv, .tsv, .jsonl, the last three .gz too; a path or s3://, gs://",
    )  # fmt: skip
    parser.add_argument(
        "--output", required=True, metavar="FOLDER", help="where the answers go; a path or s3://, gs://"
    )
    parser.add_model()
    add_answer_options(parser)
    add_table_options(parser.add_argument)
    parser.add_argument("--format", choices=_FORMATS, default="", help="of the answers (default: of each input)")
    parser.add_argument(
        "--max-errors", type=count, default=0, metavar="N", help="files and rows that may fail before status 3 (0)"
    )
    parser.add_argument("--force", action="store_true", help="begin anew in a folder that contains something else")
    engine = parser.add_argument_group("engine")
    engine.add_argument("--engine", choices=("local", "ray"), default="local", help="a process pool, or Ray")
    engine.add_argument("--workers", type=workers, default=0, metavar="N", help="processes (default: one per core)")
    engine.add_argument("--address", default="", help="of a Ray cluster: auto or host:port (default: a local one)")
    engine.add_argument(
        "--patience", type=count, metavar="SECONDS", help=f"to wait while no node has a core ({_PATIENCE})"
    )
    return parser


def _run(arguments: argparse.Namespace) -> int:
    encoding_of(arguments)  # refuses an unknown one, before anything is imported
    from sentiment.score.run import Request, score, succeed

    request = Request(
        tuple(arguments.inputs), arguments.output, Path(arguments.model), reading_of(arguments),
        answer_options_of(arguments), arguments.format, arguments.force,
    )  # fmt: skip
    with _engine(arguments) as engine, _Bar() as bar:
        summary = score(request, engine, bar)
    errors = summary["failed_files"] + summary["failed_rows"]
    sys.stderr.write(_report(summary, arguments.output))
    if errors > arguments.max_errors:
        return _SOME_FAILED
    succeed(arguments.output)
    return 0


def _engine(arguments: argparse.Namespace) -> "Engine":
    if arguments.engine == "ray":
        from sentiment.common.ray_engine import RayEngine

        patience = _PATIENCE if arguments.patience is None else arguments.patience
        return RayEngine(arguments.workers, arguments.address, patience)
    if arguments.address or arguments.patience is not None:
        raise InputError("--address, --patience: have no use without --engine ray; add it, or leave them out")
    from sentiment.common.local_engine import LocalEngine

    return LocalEngine(arguments.workers or available_cores())


def _report(summary: dict[str, Any], output: str) -> str:
    labels = ", ".join(f"{label} {count}" for label, count in summary["labels"].items())
    lines = [f"{summary['rows']} tweets in {summary['seconds']:.1f} s: {labels}"]
    if summary["parts_done_before"]:
        lines.append(f"{summary['parts_done_before']} of {summary['parts']} parts were done before")
    if summary["failed_files"] or summary["failed_rows"]:
        lines.append(
            f"{summary['failed_files']} files and {summary['failed_rows']} rows could not be scored: see "
            f"{output.rstrip('/')}/errors.jsonl, which begins with: {summary['first_error']}"
        )
    return "".join(f"score: {line}\n" for line in lines)


class _Bar:
    """Progress on a terminal: bytes of input, which tell the time left, and the tweets, parts and failures so far."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._begun = time.monotonic()
        self._rows_before = 0

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, totals: "Totals", size: int) -> None:
        from tqdm import tqdm

        if size <= 0:
            self._bar = tqdm(total=-size, unit="B", unit_scale=True, unit_divisor=1024, disable=None)
            self._begun, self._rows_before = time.monotonic(), totals.rows
            return
        rate = (totals.rows - self._rows_before) / max(1e-9, time.monotonic() - self._begun)
        done = len(totals.done) + len(totals.failed)
        parts = f"parts {done}/{totals.parts}, {len(totals.failed)} failed"
        self._bar.set_postfix_str(f"{totals.rows} tweets, {rate:.0f}/s, {parts}", refresh=False)
        self._bar.update(size)


if __name__ == "__main__":
    sys.exit(main())
