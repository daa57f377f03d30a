"""Render a comparison of models as an HTML page and as plain-text tables."""

from tabulate import tabulate

from sentiment.evaluation.comparison import Comparison, disagreements
from sentiment.report.templating import number, p_value, percent, points, render_page


def render_comparison(comparison: Comparison, source: str) -> str:
    """Return the comparison as one self-contained HTML page; ``source`` says where the tweets come from."""
    first_name, first = next(iter(comparison.models.items()))
    return render_page(
        "compare.html.j2",
        comparison=comparison,
        first_name=first_name,
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
    tables = (tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True) for rows in (models, pairs))
    return "\n\n".join(tables) + "\n"
