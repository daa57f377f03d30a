"""Compare models on the same tweets: a table on standard output, and a page (`--output compare.html`)."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.shared import publishing, stage
from pipelines.shared.corpus_files import read_corpus
from sentiment.common.one_line_parser import OneLineParser
from sentiment.errors import InputError
from sentiment.evaluation.predictions import Predictions


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command: exit status 0, or 2 with one line on standard error for a user's mistake."""
    arguments = parser().parse_args(argv)
    with stage.reporting("compare"):
        run(arguments)


def run(arguments: argparse.Namespace) -> None:
    """Read, compare, write."""
    from sentiment.evaluation.comparison import compare
    from sentiment.report.comparison_page import render_comparison, text_table

    folders = _named(arguments.models)
    if arguments.corpus:
        models, source = _score(folders, arguments), f"labelled tweets of {arguments.corpus}"
    else:
        from pipelines.shared.evaluation_files import read_predictions

        models = {name: read_predictions(folder) for name, folder in folders.items()}
        source = "those that the predictions.csv of every folder holds"
    comparison = compare(models)
    sys.stdout.write(text_table(comparison))
    if arguments.output:
        publishing.write_text(arguments.output, render_comparison(comparison, source))
        stage.log.info("%s written", arguments.output)


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """Folders by name, or by path where two share a name."""
    from pipelines.shared.evaluation_files import require_folder

    names = [require_folder(folder).resolve().name for folder in folders]
    by_name = {
        str(folder) if names.count(name) > 1 else name: folder for name, folder in zip(names, folders, strict=True)
    }
    if len(by_name) < len(folders):
        raise InputError(f"{', '.join(map(str, folders))}: one folder is given twice")
    return by_name


def _score(folders: dict[str, Path], arguments: argparse.Namespace) -> dict[str, Predictions]:
    """Every model's answers on the rows of the corpus whose class all models have."""
    import sentiment
    from sentiment.evaluation.predictions import from_probabilities

    settings = stage.make_settings(stage.read_profile(arguments.profile), []).corpus
    read = read_corpus(arguments.corpus, settings, "--corpus")
    models = {name: sentiment.load(folder) for name, folder in folders.items()}
    known = set.intersection(*(set(model.classes_.tolist()) for model in models.values()))
    rows = [(text, truth) for text, truth in read if truth in known]
    if not rows:
        raise InputError(f"{arguments.corpus}: holds no tweet of a class that all models have")
    kept, labels = [text for text, _ in rows], [truth for _, truth in rows]
    return {
        name: from_probabilities(
            model.classes_.tolist(), kept, labels, model.predict_proba(kept), str(arguments.corpus)
        )
        for name, model in models.items()
    }


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = OneLineParser(prog="python -m pipelines.compare", description=__doc__)
    made.add_argument("models", nargs="+", type=Path, help="model folders; the first is compared with each other one")
    made.add_argument("--output", type=Path, help="an HTML page to write")
    made.add_argument("--corpus", type=Path, help="labelled CSV to score now (default: the rows of predictions.csv)")
    made.add_argument("--profile", default="sample", help="profile whose format --corpus has (default: sample)")
    return made


if __name__ == "__main__":
    main()
