"""Render the model card (Mitchell et al., 2019): purpose, data, results and limits of a model."""

from collections.abc import Sequence

from sentiment.evaluation.record import Evaluation
from sentiment.evaluation.remarks import remarks
from sentiment.evaluation.slices import SliceMetrics
from sentiment.report.templating import label, render_page

_FEWEST = 50
_WORST = 3


def render_card(evaluation: Evaluation, slices: Sequence[SliceMetrics] = ()) -> str:
    """Return the card as Markdown.

    Args:
        evaluation: the contents of the model folder.
        slices: accuracy by kind of tweet, the whole first; the worst large slices are named among the limits.

    Raises:
        ArtefactError: metrics and predictions are incomplete or of different runs.
    """
    evaluation.check()
    return render_page(
        "card.md.j2",
        name=evaluation.name,
        sets=evaluation.metrics,
        first=evaluation.metrics[evaluation.first_set],
        classes=evaluation.predictions.classes,
        manifest=evaluation.manifest,
        behaviour=evaluation.behaviour,
        crossvalidation=evaluation.crossvalidation,
        coverage=evaluation.coverage,
        about=evaluation.manifest.get("about") or {},
        network=(evaluation.manifest.get("settings") or {}).get("network") or {},
        worst=worst_slices(slices),
        remarks=remarks(evaluation.metrics, evaluation.predictions.classes, evaluation.manifest, label),
    )


def worst_slices(slices: Sequence[SliceMetrics]) -> list[SliceMetrics]:
    """Return the slices of at least 50 tweets whose interval is below the overall accuracy, the worst first."""
    below = [s for s in slices[1:] if s.n >= _FEWEST and s.high < slices[0].accuracy]
    return sorted(below, key=lambda s: s.accuracy)[:_WORST]
