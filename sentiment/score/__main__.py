"""Command line: label the tweets of files, folders and patterns, on all cores or on a Ray cluster.

sentiment score tweets/ --output answers
sentiment score "s3://bucket/tweets/*.parquet" --output s3://bucket/answers --engine ray --address auto

After a crash, run the same command again. It skips what has been scored, unless the input has changed since.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.common.command_line import OneLineParser, count, place, whole_number
from sentiment.common.messages import counted, run_command
from sentiment.common.parallel import available_cores
from sentiment.errors import InputError
from sentiment.predict.options import add_answer_options, add_table_options, answer_options_of, encoding_of, reading_of

if TYPE_CHECKING:
    from sentiment.common.engines import Engine

_PATIENCE = 60  # seconds
_SOME_FAILED = 3
_FORMATS = ("parquet", "csv", "jsonl")


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.score") -> int:
    """Run the command, and return its exit status: 0, or 2 after a user's mistake.

    The status is 3 if more than ``--max-errors`` files and rows failed, and 130 after an interrupt.
    """
    arguments = _parser(prog).parse_args(argv)
    again = "run the same command again to go on"
    return run_command(
        lambda: _run(arguments), "score", "; use fewer --workers", arguments.output, f"mend that and {again}", again
    )


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(prog=prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "inputs", nargs="+", type=place, metavar="INPUT",
        help="file, folder or pattern, also at s3:// or gs://: all that `sentiment predict --input` takes",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=place, required=True, metavar="FOLDER", help="where the answers go; a path or s3://, gs://"
    )
    parser.add_model()
    add_answer_options(parser.add_argument)
    add_table_options(parser.add_argument)
    parser.add_argument("--format", choices=_FORMATS, default="", help="of the answers (default: of each input)")
    parser.add_argument(
        "--max-errors", type=count, default=0, metavar="N", help="files and rows that may fail before status 3 (0)"
    )
    parser.add_argument("--force", action="store_true", help="begin anew in a folder that contains something else")
    add_engine_options(parser)
    return parser


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the worker processes: a local pool or Ray, how many, and where."""
    engine = parser.add_argument_group("engine")
    engine.add_argument("--engine", choices=("local", "ray"), default="local", help="a process pool, or Ray")
    engine.add_argument(
        "--workers", type=whole_number(1, 1024), default=0, metavar="N", help="processes (default: one per core)"
    )
    engine.add_argument("--address", default="", help="of a Ray cluster: auto or host:port (default: a local one)")
    engine.add_argument(
        "--patience", type=count, metavar="SECONDS", help=f"to wait while no node has a core ({_PATIENCE})"
    )


def engine_of(arguments: argparse.Namespace) -> "Engine":
    """Return the engine (worker processes, local or of Ray) that the options select, for use in a ``with`` block.

    Options for Ray without ``--engine ray`` raise an `InputError`.
    """
    if arguments.engine == "ray":
        from sentiment.common.ray_engine import RayEngine

        patience = _PATIENCE if arguments.patience is None else arguments.patience
        return RayEngine(arguments.workers, arguments.address, patience)
    if arguments.address or arguments.patience is not None:
        raise InputError("--address, --patience: have no use without --engine ray; add it, or leave them out")
    from sentiment.common.engines import LocalEngine

    return LocalEngine(arguments.workers or available_cores())


def _run(arguments: argparse.Namespace) -> int:
    encoding_of(arguments)  # refuses an unknown encoding before the slow imports
    from sentiment.score.run import Request, failures_of, score, succeed

    request = Request(
        tuple(arguments.inputs), arguments.output, Path(arguments.model), reading_of(arguments),
        answer_options_of(arguments), arguments.format, arguments.force,
    )  # fmt: skip
    with engine_of(arguments) as engine:
        summary = score(request, engine, show_progress=True)
    failed = summary["failed_files"] + summary["failed_rows"] > arguments.max_errors
    if failures := failures_of(summary):
        failures += f"; all are in {arguments.output.rstrip('/')}/errors.jsonl"
    if failed:
        failures += "; mend them and run the same command again, or permit them with --max-errors N"
    else:
        succeed(arguments.output)
    for line in (*_report(summary), failures):
        sys.stderr.write(f"score: {line}\n" if line else "")
    return _SOME_FAILED if failed else 0


def _report(summary: dict[str, Any]) -> Iterator[str]:
    from sentiment.predict.score_file import labels_in_words

    yield labels_in_words(summary["rows"], summary["seconds"], summary["labels"])
    if summary["parts_done_before"]:
        yield f"{counted(summary['parts'], 'part')}, done before: {summary['parts_done_before']}"


if __name__ == "__main__":
    sys.exit(main())
