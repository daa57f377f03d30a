"""The command `sentiment`, which runs one of its subcommands.

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
from sentiment.common.command_line import OneLineParser, default_model_in_words
from sentiment.common.messages import run_command
from sentiment.errors import EXIT_STATUS


class Command(NamedTuple):
    """A subcommand: a module with a function ``main(argv, prog)`` that returns the exit status, and a line of help.

    The module is imported only when the subcommand runs. ``options`` are passed to it before the user's options.
    """

    module: str
    help: str
    options: tuple[str, ...] = ()


COMMANDS = {
    "predict": Command("sentiment.predict.__main__", "label tweets: arguments, lines of standard input, or a file"),
    "explain": Command("sentiment.predict.__main__", "show what each token of a tweet contributed", ("--explain",)),
    "score": Command("sentiment.score.__main__", "label the tweets of many files, on all cores or on a Ray cluster"),
    "share": Command("sentiment.shares.__main__", "say which share of the tweets is negative, over time and by group"),
    "draw": Command("sentiment.shares.draw_command", "draw tweets to label by hand, for `share` to use"),
    "serve": Command("sentiment.serve.__main__", "answer over HTTP, with a page to try it"),
    "pack": Command("sentiment.predict.pack", "make one file of a model, to hand on"),
    "verify": Command("sentiment.predict.verify", "check every file of a model folder against its manifest"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the subcommand that ``argv`` names; return its exit status, which is 2 after a user's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments:
        _parser().print_help(sys.stderr)
        return EXIT_STATUS
    return run_command(lambda: _run(*arguments), arguments[0] if arguments[0] in COMMANDS else "sentiment")


def _run(name: str, *rest: str) -> int:
    if name not in COMMANDS:
        _parser().parse_args([name])  # prints help, version or an error, and ends the process
    command = COMMANDS[name]
    status: int = importlib.import_module(command.module).main([*command.options, *rest], f"sentiment {name}")
    return status


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:10} {command.help}" for name, command in COMMANDS.items())
    parser = OneLineParser(
        prog="sentiment",
        usage="sentiment <command> ...",
        description=f"Tweet sentiment.\n\ncommands (each with --help):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help=argparse.SUPPRESS)
    version = f"sentiment {sentiment.__version__}\nmodel: {default_model_in_words()}"
    parser.add_argument("--version", action="version", version=version, help="show the version and the default model")
    return parser


if __name__ == "__main__":
    sys.exit(main())
