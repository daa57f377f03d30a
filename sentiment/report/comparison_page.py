"""A comparison of models as a page and as lines for a terminal."""

from collections.abc import Sequence

from sentiment.evaluation.comparison import Comparison, disagreements
from sentiment.report.templating import MISSING, number, p_value, percent, points, render_page


def render_comparison(comparison: Comparison, source: str) -> str:
    """The comparison as one self-contained HTML page; ``source`` says which tweets it is on."""
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
    """The comparison as lines for a terminal."""
    first = next(iter(comparison.models))
    rows = [["model", "n", "accuracy", "95% interval", "macro F1", "log loss", "ECE"]]
    for name, m in comparison.metrics.items():
        interval = f"{percent(m.accuracy_ci95[0])} to {percent(m.accuracy_ci95[1])}"
        rows.append(
            [name, str(m.n), percent(m.accuracy), interval, percent(m.macro_f1), number(m.log_loss), number(m.ece)]
        )
    pairs = [[f"{first} less", "points", "95% interval", "McNemar p", "only first right", "only other right"]]
    for p in comparison.pairs:
        interval = f"{points(p.low)} to {points(p.high)}"
        pairs.append([p.name, points(p.difference), interval, p_value(p.p), str(p.only_first), str(p.only_other)])
    return f"{_columns(rows)}\n\n{_columns(pairs)}\n"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([f"{cell or MISSING:<{w}}" for cell, w in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)
