"""The parts that all command lines share: the parser, types of arguments, and the default of ``--model``."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from sentiment.errors import EXIT_STATUS

MODEL_VARIABLE = "SENTIMENT_MODEL"
LATEST_MODEL = "models/latest"
PACKAGED_MODEL = os.path.join(os.path.dirname(os.path.dirname(__file__)), "packaged_model.zip")


class OneLineParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that reports an error in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Print ``message`` in one line and exit with status 2."""
        self.exit(EXIT_STATUS, f"{self.prog}: error: {' '.join(message.split())}; see --help\n")

    def add_model(self) -> None:
        """Add the option ``--model``, with its default and help."""
        default = f"default: ${MODEL_VARIABLE}, or {LATEST_MODEL}"
        described = f"model folder or packed model ({default})"
        self.add_argument("--model", type=path, default=default_model(), help=described)


def default_model() -> str:
    """Return the path of the default model: ``$SENTIMENT_MODEL``, the last trained model, or that of a wheel."""
    if named := os.environ.get(MODEL_VARIABLE):
        return named
    return PACKAGED_MODEL if os.path.exists(PACKAGED_MODEL) and not os.path.exists(LATEST_MODEL) else LATEST_MODEL


def default_model_in_words() -> str:
    """Describe the default model in one line: its path, and why it is the default."""
    place = default_model()
    if not os.path.exists(place):
        return f"none ({os.path.abspath(place)} does not exist)"
    reasons = {PACKAGED_MODEL: "packaged", LATEST_MODEL: f"{LATEST_MODEL}, trained last"}
    reason = f"${MODEL_VARIABLE}" if os.environ.get(MODEL_VARIABLE) else reasons[place]
    return f"{os.path.realpath(place)} ({reason})"


def probability(text: str) -> float:
    """Parse an argument that is a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a probability from 0 to 1, received {text}")
    return value


def whole_number(least: int, most: int = sys.maxsize) -> Callable[[str], int]:
    """Return a function that parses a command-line argument as a whole number from ``least`` to ``most``."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            end = f" to {most}" if most < sys.maxsize else ""
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}{end}, received {text}")
        return int(text)

    return parse


count = whole_number(0)


def class_name(text: str) -> str:
    """Parse an argument that is the name of a class, and remove surrounding white space."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected the name of a class, received an empty one")
    return text.strip()


def place(text: str) -> str:
    """Return an argument that is a path or an address; refuse an empty one (the current folder) and "-" (a stream)."""
    if text in ("", "-"):
        raise argparse.ArgumentTypeError(f"expected a path or an address, received {text or 'an empty one'}")
    return text


def path(text: str) -> str:
    """Return an argument that is a path on this machine; refuse what :func:`place` refuses, and an address."""
    if "://" in text:
        raise argparse.ArgumentTypeError(f"expected a path, received the address {text}")
    return place(text)


def stream_or_path(text: str) -> str:
    """Return an argument that is a path on this machine, or "-" for standard input or output."""
    return text if text == "-" else path(text)
