"""Compare models on the same tweets: print a table, and write an HTML page with `--output compare.html`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import sentiment
from pipelines.shared import profiles, publishing, stage
from pipelines.shared.artefacts import read_seen
from pipelines.shared.evaluation_files import read_predictions, require_folder
from pipelines.shared.profiles import read_corpus
from sentiment.common.command_line import OneLineParser
from sentiment.common.file_checks import require_writable
from sentiment.common.messages import counted
from sentiment.data.corpus import LabelledTexts
from sentiment.data.splitting import SEEN, is_seen
from sentiment.errors import InputError
from sentiment.evaluation.record import Predictions, from_probabilities
from sentiment.settings import CorpusSettings
from sentiment.settings_checks import from_dict


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command. A user's mistake ends the process with status 2 and one line on standard error."""
    parser = OneLineParser(prog="python -m pipelines.compare", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, help="model folders; the first is compared with each other one")
    parser.add_argument("--output", type=Path, help="an HTML page to write")
    parser.add_argument("--corpus", type=Path, help="labelled CSV to score now (default: the rows of predictions.csv)")
    parser.add_argument("--profile", help="profile whose format --corpus has (default: that of each model)")
    arguments = parser.parse_args(argv)
    with stage.reporting("compare"):
        run(arguments)


def run(arguments: argparse.Namespace) -> None:
    """Read or make the models' predictions, compare them, print a table, and write an HTML page if asked for."""
    from sentiment.evaluation.comparison import compare
    from sentiment.report.comparison_page import render_comparison, text_table

    folders = _named(arguments.models)
    if arguments.output:
        require_writable(arguments.output, overwrite=True)
    if arguments.corpus:
        models, source = _score(folders, arguments), f"labelled tweets of {arguments.corpus}"
    else:
        models = {name: read_predictions(folder) for name, folder in folders.items()}
        source = "those that the predictions.csv of every folder holds"
    models = _unseen(models, folders)
    comparison = compare(models)
    _tell(models, len(next(iter(comparison.models.values())).true), comparison.left_out)
    sys.stdout.write(text_table(comparison))
    if arguments.output:
        publishing.write_text(arguments.output, render_comparison(comparison, source))
        stage.log.info("%s written", arguments.output)


def _tell(models: dict[str, Predictions], n: int, left_out: int) -> None:
    """Log why tweets are not among the ``n`` that are compared; ``left_out`` have other labels in another model."""
    for name, model in models.items():
        if others := len(model.true) - n - left_out:
            said = counted(others, "tweet")
            stage.log.info("%s: %s left out: repeated, or not among those of every model", name, said)
    if left_out:
        stage.log.info("%s left out: labels differ between the models", counted(left_out, "tweet"))


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """Return a dictionary from the name of each folder to the folder. Folders with equal names are keyed by path."""
    names = [require_folder(folder).resolve().name for folder in folders]
    by_name = {
        str(folder) if names.count(name) > 1 else name: folder for name, folder in zip(names, folders, strict=True)
    }
    if len(folders) < 2:
        raise InputError("expected two model folders or more to compare")
    if len(by_name) < len(folders):
        raise InputError(f"{', '.join(map(str, folders))}: one folder is given twice")
    return by_name


def _score(folders: dict[str, Path], arguments: argparse.Namespace) -> dict[str, Predictions]:
    """Return each model's predictions for the rows of the corpus whose label is one of the model's classes."""
    scored = {}
    for name, read in _read(folders, arguments).items():
        model = sentiment.load(folders[name])
        classes = model.classes_.tolist()
        rows = [(text, classes.index(truth)) for text, truth in read if truth in classes]
        if not rows:
            raise InputError(f"{arguments.corpus}: holds no tweet of a class that {name} has ({', '.join(classes)})")
        if foreign := sorted({truth for _, truth in read} - set(classes)):
            said = ", ".join(foreign)
            stage.log.info("%s: %s left out: it has no class %s", name, counted(len(read) - len(rows), "tweet"), said)
        labelled = LabelledTexts([text for text, _ in rows], np.array([label for _, label in rows]))
        probabilities = model.predict_proba(labelled.texts)
        scored[name] = from_probabilities(classes, labelled, probabilities, str(arguments.corpus))
    return scored


def _read(folders: dict[str, Path], arguments: argparse.Namespace) -> dict[str, list[tuple[str, str]]]:
    """Return for each model the rows (text, class name) of the corpus.

    The file is read in the format of each model's training corpus, or of ``--profile``. If a model's format does not
    fit the file, the rows are those of the first model whose format fits.
    """
    if arguments.profile:
        settings = profiles.make_settings(profiles.read_profile(arguments.profile), []).corpus
        return dict.fromkeys(folders, read_corpus(arguments.corpus, settings, "--corpus"))
    read, failed = {}, {}
    for name, folder in folders.items():
        try:
            trained_with = publishing.read_json(folder / "settings.json").get("corpus", {})
            read[name] = read_corpus(arguments.corpus, from_dict(CorpusSettings, trained_with), "--corpus")
        except InputError as error:
            failed[name] = error
    if not read:
        why = next(iter(failed.values()))
        raise InputError(f"{why}; or name a profile of this file's format with --profile")
    first = next(iter(read))
    for name, why in failed.items():
        stage.log.info("%s: its own profile cannot read the file (%s); read as %s's profile says", name, why, first)
    return {name: read.get(name, read[first]) for name in folders}


def _unseen(models: dict[str, Predictions], folders: dict[str, Path]) -> dict[str, Predictions]:
    """Return only the rows that no model was trained or validated on, and log how many rows were removed."""
    for other, folder in folders.items():
        if not (folder / SEEN).exists():
            stage.log.warning("WARNING: %s: no %s: what it was trained on cannot be left out", folder, SEEN)
            continue
        seen = read_seen(folder)
        known = {name: is_seen(model.texts.tolist(), seen) for name, model in models.items()}
        if most := max(int(rows.sum()) for rows in known.values()):
            stage.log.warning(
                "WARNING: %s left out: %s was trained or validated on them", counted(most, "tweet"), other
            )
        models = {name: model.take(np.flatnonzero(~known[name])) for name, model in models.items()}
        if not all(len(model.true) for model in models.values()):
            raise InputError(f"no tweet is left that {other} was not trained or validated on: nothing to compare on")
    return models


if __name__ == "__main__":
    main()
