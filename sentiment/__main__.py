"""The command `sentiment`: one door to what the rooms can do.

sentiment predict "I love this" "not my day"
sentiment explain "I don't like the new phone"
sentiment serve --model models/sample
sentiment verify models/sample
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

import sentiment
from sentiment.common.command_line import OneLineParser
from sentiment.common.mistakes import refuse
from sentiment.errors import EXIT_STATUS


class Command(NamedTuple):
    """A module whose ``main(argv, prog)`` returns the exit status (``None`` is 0), and what it does.

    The module is named, not imported, so that each command loads what it needs itself and no more.
    """

    module: str
    help: str
    given: tuple[str, ...] = ()


COMMANDS = {
    "predict": Command("sentiment.predict.__main__", "label tweets: arguments, lines of standard input, or a file"),
    "explain": Command("sentiment.predict.__main__", "show what each token of a tweet contributed", ("--explain",)),
    "score": Command("sentiment.score.__main__", "label the tweets of many files, on all cores or on a Ray cluster"),
    "serve": Command("sentiment.serve.__main__", "answer over HTTP, with a page to try it"),
    "verify": Command("sentiment.predict.verify", "check every file of a model folder against its manifest"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 for a user's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        _parser().print_help(sys.stderr)
        return EXIT_STATUS
    if arguments[0] not in COMMANDS:
        _parser().parse_args(arguments[:1])  # --help, --version, or what is wrong; never returns
    name, *rest = arguments
    command = COMMANDS[name]
    try:
        return importlib.import_module(command.module).main([*command.given, *rest], f"sentiment {name}") or 0
    except ModuleNotFoundError as error:
        return refuse(name, error, "")


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:10} {command.help}" for name, command in COMMANDS.items())
    parser = OneLineParser(
        prog="sentiment",
        usage="sentiment <command> ...",
        description=f"Tweet sentiment.\n\ncommands (each with --help):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"sentiment {sentiment.__version__}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
