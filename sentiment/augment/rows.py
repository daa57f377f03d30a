"""Data augmentation: append contrast rows (tweets with "not" put in), phrases and rated words to the training rows."""

from collections.abc import Iterator, Sequence

import numpy as np

from sentiment.augment.clear_words import Poles, Stretches
from sentiment.augment.contrast import ContrastRows, Row
from sentiment.augment.general_english import LabelledText, known_templates, phrases, rated_words, words_of
from sentiment.common.ragged import ragged
from sentiment.data.encoded import EncodedPart
from sentiment.text.lexicon import UNKNOWN, Lexicon
from sentiment.text.preprocessor import Preprocessor, pad

_CONTRAST_ROWS = 20_000  # minimum, so that every template is filled with enough words
_WORDS = 0.4  # share of ``phrase_weight`` for rated words; phrases have the rest
_ALONE = 0.8  # share of phrases and words to which no words of a tweet are added


def augmented(
    part: EncodedPart, preprocessor: Preprocessor, poles: Poles, contrast: float, phrase_weight: float, seed: int
) -> EncodedPart:
    """Return the training rows ``part`` with contrast rows, phrases and rated words appended, labelled with ``poles``.

    Args:
        preprocessor: text preprocessing that ``part`` was encoded with.
        contrast: total weight of the contrast rows, as a multiple of the number of rows in ``part``.
        phrase_weight: total weight of phrases and rated words, as a multiple of the number of rows in ``part``.
    """
    lexicon, own = preprocessor.lexicon, len(part.labels)
    random = np.random.default_rng([seed, lexicon.size])
    words, templates = rated_words(), known_templates(lexicon)
    signs = rated_signs(words, lexicon)
    stretches = Stretches(part, lexicon.vocabulary, poles, words_of(templates), signs, random)
    count = max(round(contrast * own), _CONTRAST_ROWS) if contrast else 0
    rows = list(ContrastRows(stretches, templates, lexicon, random).make(count))[:count]
    weights = [contrast * own / max(1, count)] * len(rows)
    shares = ((words, _WORDS), (phrases(), 1 - _WORDS)) if phrase_weight else ()
    for texts, share in shares:
        weight = share * phrase_weight * own
        repeated = [*texts] * max(1, round(weight / len(texts)))
        new = list(_encoded(repeated, preprocessor, stretches, random))
        rows += new
        weights += [weight / max(1, len(new))] * len(new)
    return _with_rows(part, rows, weights) if rows else part


def rated_signs(words: Sequence[LabelledText], lexicon: Lexicon) -> np.ndarray:
    """Return the polarity that people gave to each word, int8 ``(vocabulary,)``: 1, -1, or 0 for unrated words."""
    signs = np.zeros(lexicon.size, np.int8)
    for text, sign in words:
        signs[lexicon.id_of(text)] = sign
    signs[: UNKNOWN + 1] = 0
    return signs


def _encoded(
    texts: Sequence[LabelledText], preprocessor: Preprocessor, stretches: Stretches, random: np.random.Generator
) -> Iterator[Row]:
    """Yield a row (ids and label) for each text whose tokens are all known.

    A text may contain "...", a gap. In about a fifth of the rows, an excerpt of a tweet without polarity fills the gap,
    or is put after a text without gap.
    """
    halves = preprocessor.encode([half for text, _ in texts for half in text.partition("...")[::2]])
    parts = [part.tolist() for part in np.split(halves.values, np.cumsum(halves.lengths)[:-1])]
    for before, after, (_, sign) in zip(parts[::2], parts[1::2], texts, strict=True):
        known = [[] if part == [UNKNOWN] else part for part in (before, after)]
        alone = not stretches.has(0) or random.random() < _ALONE
        around = [] if alone else stretches.draw(0).ids
        if any(known) and UNKNOWN not in (*known[0], *known[1]):
            yield [*known[0], *around, *known[1]], stretches.poles.label(sign)


def _with_rows(part: EncodedPart, rows: Sequence[Row], weights: Sequence[float]) -> EncodedPart:
    width = part.ids.shape[1]
    ids = pad(ragged([row[:width] for row, _ in rows]), width).astype(part.ids.dtype)
    labels = np.array([label for _, label in rows], part.labels.dtype)
    own = np.ones(len(part.labels), np.float32) if part.weights is None else part.weights
    return EncodedPart(
        np.concatenate([part.ids, ids]),
        np.concatenate([part.labels, labels]),
        np.concatenate([own, np.array(weights, np.float32)]),
        len(part.labels),
    )
