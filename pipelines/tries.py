"""Show the share of the package's simple test sentences that each model, and VADER, labels correctly."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import sentiment
from pipelines.shared import stage
from sentiment.common.command_line import OneLineParser
from sentiment.evaluation.sentence_tests import (
    CHOOSE,
    UNANSWERED,
    Answer,
    failed_tries,
    read_tries,
    shares_right,
    vader_answer,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table of the shares of sentences that each model and VADER label correctly."""
    parser = OneLineParser(prog="python -m pipelines.tries", description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="model folders, for example models/sample")
    parser.add_argument("--wrong", action="store_true", help="list the texts of the half `choose` that are missed")
    arguments = parser.parse_args(argv)
    with stage.reporting("tries"):
        tries = read_tries()
        answers = {str(folder): answer_of(folder) for folder in arguments.models}
        table = {name: shares_right(tries, answer) for name, answer in {**answers, "VADER": vader_answer}.items()}
        sys.stdout.write(text_table(table))
        if arguments.wrong:
            chosen = [each for each in tries if each.half == CHOOSE]
            for name, answer in answers.items():
                missed = [f"  {each.kind}: {each.text} ({each.label})\n" for each in failed_tries(chosen, answer)]
                sys.stdout.writelines([f"\n{name} misses:\n", *missed])


def answer_of(folder: Path) -> Answer:
    """Return a function that labels texts with a model. A missing or damaged model raises an `ArtefactError`."""
    model = sentiment.load(folder)

    def answer(texts: Sequence[str]) -> list[str]:
        given = model.answer(texts)
        labels = model.classes_[given.probabilities.argmax(axis=1)]
        return [str(label) if known else UNANSWERED for label, known in zip(labels, given.known, strict=True)]

    return answer


def text_table(shares: Mapping[str, Mapping[str, float]]) -> str:
    """Return ``shares`` of correct answers, by model and group, as a table in percent with a column per model."""
    from tabulate import tabulate

    groups = list(next(iter(shares.values())))
    rows = [[group, *(f"{100 * each[group]:.0f}" for each in shares.values())] for group in groups]
    align = ["left", *["right"] * len(shares)]
    return tabulate(rows, ["", *shares], tablefmt="plain", colalign=align, disable_numparse=True) + "\n"


if __name__ == "__main__":
    main()
