"""Stage 7: write the report `report.html` and the model card `README.md`."""

import numpy as np

import sentiment
from pipelines.shared import publishing, stage
from pipelines.shared.evaluation_files import read_evaluation
from sentiment.errors import ArtefactError
from sentiment.evaluation.record import Predictions
from sentiment.predict.classifier import SentimentClassifier

_ROWS_COMPARED = 200
_TOLERANCE = 1e-3


def run(this: stage.Stage) -> None:
    """Read the model folder, and write the report and the model card."""
    from sentiment.report.page import measure_slices, render_card, render_report

    folder = this.places.model
    evaluation = read_evaluation(folder)
    model = sentiment.load(folder)
    _check_same_model(evaluation.predictions, model)
    slices = measure_slices(evaluation.predictions.of(evaluation.first_set), model)
    page = render_report(evaluation, model)
    with publishing.publish(folder, last="README.md") as staging:
        publishing.write_text(staging / "README.md", render_card(evaluation, slices))
        publishing.write_text(staging / "report.html", page)
        publishing.add_staged(folder, staging)
    stage.log.info("%s: %.1f MB; the model card is beside it", folder / "report.html", len(page.encode()) / 1e6)


def _check_same_model(predictions: Predictions, model: SentimentClassifier) -> None:
    """Check that the model in the folder made the predictions, because the report describes both together."""
    rows = predictions.take(np.arange(min(_ROWS_COMPARED, len(predictions.true))))
    same = predictions.classes == tuple(model.classes_.tolist())
    if not same or not np.allclose(rows.probabilities, model.predict_proba(rows.texts.tolist()), atol=_TOLERANCE):
        raise ArtefactError("predictions.csv holds answers of another model than the folder; run `make evaluate` again")


if __name__ == "__main__":
    stage.main(run, __doc__)
