"""Render a comparison of models as an HTML page and as plain-text tables."""

from collections.abc import Sequence

from tabulate import tabulate

from sentiment.evaluation.comparison import Comparison, disagreements
from sentiment.report.templating import MISSING, number, p_value, percent, points, render_page


def render_comparison(comparison: Comparison, source: str) -> str:
    """Return the comparison as one self-contained HTML page; ``source`` says where the tweets come from."""
    first = next(iter(comparison.models.values()))
    return render_page(
        "compare.html.j2",
        comparison=comparison,
        first_name=next(iter(comparison.models)),
        first=first,
        rows=disagreements(comparison).tolist(),
        source=source,
    )


def text_table(comparison: Comparison) -> str:
    """Return the comparison as plain-text tables for a terminal."""
    first = next(iter(comparison.models))
    interval = "95% interval"
    models = [
        {"model": name, "n": m["n"], "accuracy": percent(m["accuracy"]),
         interval: " to ".join(map(percent, m["accuracy_ci95"])),
         "macro F1": percent(m["macro_f1"]), "log loss": number(m["log_loss"]), "ECE": number(m["ece"])}
        for name, m in comparison.metrics.items()
    ]  # fmt: skip
    pairs = [
        {f"{first} less": p["name"], "points": points(p["difference"]),
         interval: " to ".join(map(points, (p["low"], p["high"]))),
         "McNemar p": p_value(p["p"]), "only first right": p["only_first"], "only other right": p["only_other"]}
        for p in comparison.pairs
    ]  # fmt: skip
    return f"{_plain(models)}\n\n{_plain(pairs)}\n"


def _plain(rows: Sequence[dict[str, object]]) -> str:
    shown = [{head: cell or MISSING if isinstance(cell, str) else cell for head, cell in row.items()} for row in rows]
    return tabulate(shown, headers="keys", tablefmt="plain", disable_numparse=True)
