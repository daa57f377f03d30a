"""Explain a tweet's label: how the model read each token, and how much each token contributed to the label.

Contributions are measured by occlusion: the log-odds (natural logarithm) of the predicted class with all tokens, minus
the log-odds without the token. A positive contribution supports the predicted class. Removing a token does not bring
back tokens beyond the maximum length. If no token is left, the model reads one unknown token. Contributions need not
add up to the log-odds, because a recurrent network is not additive.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sentiment.common.messages import without_controls
from sentiment.common.ragged import Ragged
from sentiment.network.folded import FoldedNetwork
from sentiment.predict.answers import UNKNOWN_TEXT
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.preprocessor import Preprocessor

KEPT, STOP_WORD, UNKNOWN_WORD, CUT = "kept", "stop word", "unknown", "cut off"
UNSEEN = "not seen in training"
_CONTRIBUTING = (KEPT, UNKNOWN_WORD, UNSEEN)
_SMALLEST = 1e-12
_BAR_CELLS = 10
_TOKEN_CELLS = 24
_RESET, _BOLD, _FAINT, _FOR, _AGAINST = "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m"


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token of a tweet, and how the model read it.

    Attributes:
        token: the token after normalisation.
        state: how the model treats the token. It reads a token that is ``kept``, ``unknown`` (all of these share one
            vector) or ``not seen in training`` (but has a GloVe vector). It does not read a ``stop word``, or a token
            that is ``cut off`` (after the first ``max_tokens`` tokens).
        lemma: the vocabulary entry that the token is read as; empty for a dropped token.
        id: the id of the lemma.
        contribution: change of the predicted class's log-odds due to the token; None if the model does not read it.
    """

    token: str
    state: str
    lemma: str
    id: int
    contribution: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A tweet, its label and its tokens in order.

    Attributes:
        text: the tweet as given.
        label: the most probable class.
        probability: the probability p of ``label``.
        log_odds: the log-odds of ``label``, log(p / (1 - p)).
        tokens: all tokens, including those that the model does not read.
    """

    text: str
    label: str
    probability: float
    log_odds: float
    tokens: tuple[TokenView, ...]

    def __str__(self) -> str:
        """Return the explanation as the command line shows it."""
        return render(self)


def explain(preprocessor: Preprocessor, network: FoldedNetwork, classes: np.ndarray, text: str) -> Explanation:
    """Label ``text`` and measure how much each token that the model reads contributes to the label.

    ``classes`` are the class names, str ``(classes,)``.

    Raises:
        InputError: ``text`` is not a string or has no UTF-8 form.
    """
    tokens = preprocessor.tokens_of(text)
    ids = preprocessor.lexicon.lookup(tokens)
    states = token_states(ids, preprocessor.max_tokens, preprocessor.seen_ids)
    seen = np.flatnonzero([state in _CONTRIBUTING for state in states])
    probabilities = network.probabilities(_occlusions(ids[seen]))
    label = int(probabilities[0].argmax())
    log_odds = _log_odds(probabilities, label)
    contributions: dict[int, float] = dict(zip(seen.tolist(), (log_odds[0] - log_odds[1:]).tolist(), strict=True))
    vocabulary = preprocessor.lexicon.vocabulary
    views = tuple(
        TokenView(token, state, vocabulary[i] if i != PADDING else "", int(i), contributions.get(position))
        for position, (token, state, i) in enumerate(zip(tokens, states, ids, strict=True))
    )
    return Explanation(text, str(classes[label]), float(probabilities[0, label]), float(log_odds[0]), views)


def token_states(ids: np.ndarray, max_tokens: int, seen: int) -> list[str]:
    """Return the state of each token of one tweet (see `TokenView`), given the tokens' ids, int32 ``(tokens,)``.

    Tokens after the first ``max_tokens`` are cut off. Tokens with an id of ``seen`` or more did not occur in training.
    """
    position = np.cumsum(ids != PADDING)
    conditions = [ids == PADDING, position > max_tokens, ids == UNKNOWN, ids >= seen]
    states: list[str] = np.select(conditions, [STOP_WORD, CUT, UNKNOWN_WORD, UNSEEN], KEPT).tolist()
    return states


def _occlusions(ids: np.ndarray) -> Ragged:
    """Return rows of ids: all ``ids``, then all but one, leaving out each in turn. An empty row becomes ``UNKNOWN``."""
    rows = [ids, *(np.delete(ids, i) for i in range(len(ids)))]
    rows = [row if len(row) else np.array([UNKNOWN], np.int32) for row in rows]
    return Ragged(np.concatenate(rows).astype(np.int32), np.array([len(row) for row in rows], np.int32))


def _log_odds(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Return the log-odds of class ``label``, float64 ``(n,)``. In float32, 1 - p would be 0 for p near 1."""
    wide = probabilities.astype(np.float64)
    others = np.delete(wide, label, axis=1).sum(axis=1)
    return np.log(np.maximum(wide[:, label], _SMALLEST)) - np.log(np.maximum(others, _SMALLEST))


def render(explanation: Explanation, colour: bool = False) -> str:
    """Return the explanation for a terminal: the label, then one line per token with its signed contribution and a bar.

    Without ``colour`` (ANSI), line ends are the only control characters.
    """

    def paint(code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if colour else text

    label = without_controls(explanation.label)
    head = f"{label} {explanation.probability:.1%}  (log-odds {explanation.log_odds:+.2f})"
    if not any(view.state == KEPT for view in explanation.tokens):
        head = f"{UNKNOWN_TEXT}: no known token; forced answer {head}"
    largest = max((abs(view.contribution or 0.0) for view in explanation.tokens), default=0.0)
    lines = [paint(_BOLD, head), *(_line(view, largest, paint) for view in explanation.tokens)]
    if not any(view.contribution is not None for view in explanation.tokens):
        lines.append("  no token is left: this is the answer to one unknown token")
    return "\n".join(lines)


def _line(view: TokenView, largest: float, paint: Callable[[str, str], str]) -> str:
    token = _fitted(without_controls(view.token), _TOKEN_CELLS)
    if view.contribution is None:
        why = "dropped: stop word" if view.state == STOP_WORD else "cut off: beyond the model's length"
        return paint(_FAINT, f"  {token}         {why}")
    cells = round(_BAR_CELLS * abs(view.contribution) / largest) if largest else 0
    bar = ("+" if view.contribution >= 0 else "-") * cells
    note = {UNKNOWN_WORD: "unknown word", UNSEEN: UNSEEN}.get(view.state, "")
    if view.state != UNKNOWN_WORD and view.lemma != view.token:
        note = ", ".join([f"as {without_controls(view.lemma)}", *([note] if note else [])])
    body = f"  {token}  {view.contribution:+6.2f}  {bar:<{_BAR_CELLS}}  {note}".rstrip()
    return paint(_FOR if view.contribution >= 0 else _AGAINST, body)


def _fitted(text: str, cells: int) -> str:
    """Cut or pad ``text`` to ``cells`` terminal columns. East Asian wide characters take two columns each."""
    width, end = 0, 0
    for end, character in enumerate(text, 1):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width >= cells and end < len(text):
            return text[: end - 1] + "…" + " " * (width > cells)
    return text + " " * max(0, cells - width)
