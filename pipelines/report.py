"""Stage 7: what is known of a model becomes `report.html` and the model card `README.md`."""

import argparse

from pipelines import files, stage


def run(this: stage.Stage) -> None:
    """Read the model folder, draw, write."""
    import sentiment
    from pipelines.evaluated import read_evaluation
    from sentiment.card import render_card
    from sentiment.report import measure_slices, render_report

    folder = this.places.model
    evaluation = read_evaluation(folder)
    model = sentiment.load(folder)
    slices = measure_slices(evaluation.predictions.of(evaluation.first_set), model)
    files.write_text(folder / "README.md", render_card(evaluation, slices))
    page = render_report(evaluation, model)
    files.write_text(folder / "report.html", page)
    stage.log.info("%s: %.1f MB; the model card is beside it", folder / "report.html", len(page.encode()) / 1e6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage has no options of its own."""


if __name__ == "__main__":
    stage.main(run, __doc__, add_arguments)
