"""Argument parsing that complains in one line, as every other mistake is."""

import argparse
from typing import NoReturn

from sentiment.errors import EXIT_STATUS

MOST_WORKERS = 1024  # processes or, on a cluster, tasks at once


class OneLineParser(argparse.ArgumentParser):
    """An ``ArgumentParser`` whose errors are one line, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        """End the process with status 2."""
        self.exit(EXIT_STATUS, f"{self.prog}: error: {' '.join(message.split())}; see --help\n")


def probability(text: str) -> float:
    """An argument that is a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a probability from 0 to 1, received {text}")
    return value


def count(text: str) -> int:
    """An argument that is a whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, received {text}")
    return int(text)


def workers(text: str) -> int:
    """An argument that is a number of processes, of which a machine can have only so many."""
    number = count(text)
    if not 1 <= number <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MOST_WORKERS}, received {text}")
    return number
