"""The result of `sentiment share`, written as CSV, as JSON and as an HTML page."""

import csv
import html
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import pyarrow as pa

from sentiment.common.messages import counted
from sentiment.common.stores import open_store
from sentiment.shares.estimates import BOTH, LEAST_LABELS, Change, ShareRow, compared
from sentiment.shares.tally import ALL, Cell, Example, Sums

FILES = ("shares.csv", "shares.json", "answer.html")
COLUMNS = ("group", "period", "class", "method", "tweets", "labelled", "share", "low", "high")
CAUTION = (
    "This is what the model says, not what people feel. Counting a model's labels was off by 5 to 46 points of 100 on "
    "tweets unlike those that the model was trained on. Labelling {} by hand (sentiment draw, then --labels) gives "
    "an interval that is true even then."
)
_MENTION = re.compile(r"@\w+")
_USUAL_LABELS = 200  # the default of `sentiment draw --rows`
_WORDS = 12  # number of rising words, and of falling words, to show for a pair of periods


@dataclass(frozen=True, slots=True)
class ShareAnswer:
    """The result of `sentiment share`. A cell is a group in a period; totals over groups or periods are cells too.

    Attributes:
        source: the names of the inputs.
        classes: the model's classes, then the classes that ``--also`` adds.
        rows, changes: the shares, and the differences of shares between periods and between groups.
        cells: sums over the tweets of each cell.
        examples: the tweets of which the model is most certain, by class and period.
        words: numbers of occurrences, by period and word.
        gaps: the names of periods without a tweet, between the first and the last period.
        labelled: the number of hand-made labels that were used.
        notes: sentences about omitted data and about assumptions.
        made: the inputs, options, model and version that gave this result.
    """

    source: list[str]
    classes: list[str]
    rows: list[ShareRow]
    changes: list[Change]
    cells: Mapping[Cell, Sums]
    examples: Mapping[tuple[str, str], Sequence[Example]]
    words: Mapping[str, Mapping[str, int]]
    gaps: list[str]
    labelled: int
    notes: list[str]
    made: dict[str, Any]

    def summary(self) -> list[str]:
        """Return lines to print: the share of each class among all tweets, ``notes``, and :meth:`advice`."""
        best = {row.class_: row for row in self.rows if row.group == ALL and row.period == ALL}  # the last is the best
        lines = []
        for row in best.values():
            ends = "" if row.low is None or row.high is None else f" ({100 * row.low:.1f} to {100 * row.high:.1f})"
            by = "model and labels" if row.method == BOTH else "the model alone"
            lines.append(f"{row.class_} {100 * row.share:.1f}%{ends} of {counted(row.tweets, 'tweet')}, by {by}")
        return [*lines, *self.notes, self.advice()]

    def advice(self) -> str:
        """Return a sentence on how further labels would improve the intervals."""
        tweets = self.cells[Cell(ALL, ALL)].tweets
        if not self.labelled:
            return CAUTION.format(counted(min(_USUAL_LABELS, tweets), "tweet"))
        if (missing := min(LEAST_LABELS, tweets) - self.labelled) > 0:
            return f"{counted(missing, 'more label')} would give an interval."
        # The variance is proportional to 1 / labelled - 1 / tweets, and must become a quarter.
        more = math.ceil(4 * tweets * self.labelled / (tweets + 3 * self.labelled)) - self.labelled
        return f"{counted(more, 'more label')} would halve the intervals." if more else "Every tweet has a label."

    def table(self) -> pa.Table:
        """Return ``shares.csv`` as an Arrow table; ``low`` and ``high`` are null where there is no interval."""
        rows = [_rounded(row) for row in self.rows]
        return pa.table({name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)})

    def to_csv(self) -> str:
        """Return the text of ``shares.csv``; ``low`` and ``high`` are empty where there is no interval."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(["" if value is None else value for value in _rounded(row)] for row in self.rows)
        return buffer.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``shares.json`` as dicts, lists, strings and numbers."""
        return {
            "source": self.source,
            "classes": self.classes,
            "labelled": self.labelled,
            "advice": self.advice(),
            "notes": self.notes,
            "periods_without_tweets": self.gaps,
            "cells": [_cell(cell, sums, self.classes) for cell, sums in self.cells.items()],
            "shares": [self._share(row) for row in self.rows],
            "differences": [_change(change) for change in self.changes],
            "examples": list(self._examples()),
            "words": list(moved_words(self.words)),
            "made": self.made,
        }

    def write(self, folder: Path) -> None:
        """Write the CSV, JSON and HTML files into ``folder``, each atomically. Create the folder if needed."""
        data = self.to_dict()
        contents = (self.to_csv(), json.dumps(data, indent=1, ensure_ascii=False) + "\n", _page(data))
        for name, content in zip(FILES, contents, strict=True):
            open_store(str(folder)).write(name, content.encode())

    def _share(self, row: ShareRow) -> dict[str, Any]:
        values = dict(zip(COLUMNS, _rounded(row), strict=True))
        return values | ({"borrowed": True} if row.method == BOTH and row.low is None else {})

    def _examples(self) -> Iterator[dict[str, Any]]:
        for (name, period), found in sorted(self.examples.items()):
            for example in found:
                text = _MENTION.sub("@user", html.unescape(example.text))
                yield {"class": name, "period": period, "probability": round(example.probability, 4), "text": text}


def _page(data: dict[str, Any]) -> str:
    """Return the text of ``answer.html``, a page that needs no other file and no connection."""
    page = Template((files("sentiment.shares") / "answer.html").read_text(encoding="utf-8"))
    style = (files("sentiment.report") / "templates/style.css").read_text(encoding="utf-8")
    return page.substitute(style=style, data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))


def moved_words(words: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    """Yield the rising and falling words between consecutive periods, and between the first and the last period.

    A word's score is its log odds ratio in standard errors. The word counts of both periods together are the Dirichlet
    prior (Monroe, Colaresi and Quinn, *Fightin' Words*, 2008). A word with a score above 2 is rising, and a word with a
    score below -2 is falling.
    """
    for first, second in compared(sorted(period for period in words if period != ALL)):
        scores = _log_odds(words[first], words[second])
        ranked = sorted(scores, key=lambda word: (-scores[word], word))
        rising = [word for word in ranked[:_WORDS] if scores[word] > 2]
        falling = [word for word in ranked[::-1][:_WORDS] if scores[word] < -2]
        yield {"first": first, "second": second, "rising": rising, "falling": falling}


def _log_odds(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, float]:
    """Return each word's log odds ratio in standard errors, given the word counts of two periods.

    It is positive if the word is more frequent in ``second``. Words with fewer than 5 occurrences are left out.
    """
    before, after = sum(first.values()), sum(second.values())
    scores = {}
    for word in {*first, *second}:
        one, two = first.get(word, 0), second.get(word, 0)
        prior = one + two
        if prior >= 5:
            total = before + after
            odds_one = math.log((one + prior) / (before + total - one - prior))
            odds_two = math.log((two + prior) / (after + total - two - prior))
            scores[word] = (odds_two - odds_one) / math.sqrt(1 / (one + prior) + 1 / (two + prior))
    return scores


def _cell(cell: Cell, sums: Sums, classes: Sequence[str]) -> dict[str, Any]:
    """Return a cell (a group in a period) as a dictionary with two shares per class: by label and by probability."""
    count = max(1, sums.tweets)
    by_labels = {name: round(int(n) / count, 6) for name, n in zip(classes, sums.labels, strict=False)}
    by_mean = {name: round(float(p) / count, 6) for name, p in zip(classes, sums.probabilities, strict=False)}
    return {**cell._asdict(), "tweets": sums.tweets, "known": sums.known, "labels": by_labels, "probabilities": by_mean}


def _change(change: Change) -> dict[str, Any]:
    by, low, high = _rounded(change.by)
    cells = {"first": change.first._asdict(), "second": change.second._asdict()}
    return {"class": change.class_, **cells, "by": by, "low": low, "high": high}


def _rounded(values: Iterable[Any]) -> list[Any]:
    return [round(value, 6) if isinstance(value, float) else value for value in values]
