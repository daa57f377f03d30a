"""Contrastive rows: what "not" and "but" do to a word of clear polarity, shown on the training tweets themselves.

Tweets seldom say "not bad", so a network that learns from them alone takes every "not" for a bad sign, and most short
plain sentences for negative ones. Here stretches of training tweets around a clear word are put into frames of English
that turn its polarity or only seem to, as people edited reviews by hand for "counterfactually augmented data" (Kaushik,
Hovy and Lipton, 2020). Others stay as they are, or get another clear word in its place, so that neither length nor
topic means anything; two of opposite sign are joined, after which one of them counts ("but": Hu et al., 2016).
Stretches without a clear word get either label, half of them each, so that the frames alone mean nothing, or stand in
set turns that have a polarity by themselves ("worth every penny").
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from sentiment.data.encoded import EncodedPart
from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon
from sentiment.training.clear_words import Poles, Use, blocks, polarity
from sentiment.training.frames import BARE, LINKED, SUBJECT, Frame, known_frames


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEGATORS = _words("not n't never no nothing nobody none neither nor without hardly cannot cant dont")
_LINKING = _words(
    "is was are were am 's 'm 're be been feel feels felt look looks looked seem seems sounds sound taste tastes im its"
) | _words("will would can could should get gets")
_DEGREE = _words("so very really such just too pretty still all a an the quite that")
_GRADING = _words("so very really too such pretty how quite extremely super most more as totally")
_SUBJECTS = _words("i you we they he she it who really totally people everyone to always just still ppl would will")
_IRREGULAR = {"good": "better", "well": "better", "bad": "worse"}
_AROUND = 3  # most tokens to each side

# What becomes of how many of the new rows.
_SHARES = {
    "kept": 0.1,
    "swapped": 0.1,
    "turned": 0.27,
    "standing": 0.2,
    "wished": 0.03,
    "joined": 0.08,
    "said": 0.08,
    "unclear": 0.14,
}
_FRAMED = 0.6  # of the unclear ones
# Signs of what each rule starts from: tweets say "not good" themselves, and hardly ever "not bad".
_BOTH = (-1, 1)
_SIGNS = {"turned": (-1, -1, 1), "wished": (1,)}

Row = tuple[list[int], int]


class Stretch(NamedTuple):
    """Part of a training row, in the places that frames name."""

    kind: str
    left: list[int]
    link: list[int]
    degree: list[int]
    clear: list[int]
    right: list[int]

    @property
    def ids(self) -> list[int]:
        """All of it."""
        return [*self.left, *self.link, *self.degree, *self.clear, *self.right]


def with_contrasts(
    part: EncodedPart, lexicon: AnyLexicon, poles: Poles, share: float, seed: int, padding: str = "post"
) -> EncodedPart:
    """``part`` with about ``share`` times as many rows again behind its own.

    Args:
        part: training rows.
        lexicon: what their ids mean.
        poles: classes that turn into one another; rows of others are never taken.
        share: new rows for each row; none are made where no tweet has a clear word.
        seed: of the choice of rows and frames.
        padding: side of the zeros in ``part.ids``.
    """
    count, width = round(share * len(part.labels)), part.ids.shape[1]
    ids, labels = np.full((count, width), PADDING, part.ids.dtype), np.zeros(count, part.labels.dtype)
    maker = _Maker(part, lexicon, poles, np.random.default_rng([seed, lexicon.size]))
    made = 0
    for made, (row, label) in enumerate(islice(maker.rows(count), count), 1):
        cut = row[:width]
        ids[made - 1, slice(len(cut)) if padding == "post" else slice(width - len(cut), width)] = cut
        labels[made - 1] = label
    if not made:
        return part
    weights = None if part.weights is None else np.concatenate([part.weights, np.ones(made, np.float32)])
    ids, labels = np.concatenate([part.ids, ids[:made]]), np.concatenate([part.labels, labels[:made]])
    return EncodedPart(ids, labels, weights)


class _Maker:
    """Makes rows of ids, each with its label, out of the stretches of ``part``."""

    def __init__(self, part: EncodedPart, lexicon: AnyLexicon, poles: Poles, random: np.random.Generator) -> None:
        self.part, self.lexicon, self.poles, self.random = part, lexicon, poles, random
        self.words = lexicon.vocabulary
        self.frames = known_frames(lexicon)
        self.negators = self._members(_NEGATORS)
        degree, linking, subjects = map(self._members, (_DEGREE, _LINKING, _SUBJECTS))
        self.degree, self.linking, self.subjects = {*degree}, {*linking}, {*subjects}
        use = Use(self._members(_GRADING), linking, subjects)
        never = np.concatenate([self.frames.words, self.negators, *use, degree])
        self.polarity = polarity(part, poles, self.words, self.negators, use, never)
        self.rows_of = {sign: self._found(sign) for sign in (-1, 0, 1)}

    def _members(self, words: frozenset[str]) -> np.ndarray:
        return np.array([i for i, word in enumerate(self.words) if word in words], np.int64)

    def _found(self, sign: int) -> np.ndarray:
        """Numbers of rows without a negation whose clear words all have ``sign``, their label's; 0: of no leaning."""
        found = [np.zeros(0, np.int64)]
        for start, block, labels in blocks(self.part):
            leaning = self.polarity.leaning[block]
            good = ~np.isin(block, self.negators).any(axis=1) & (block > UNKNOWN).any(axis=1)
            good &= (self.polarity.clear[block] == sign).any(axis=1)
            good &= (leaning == sign).all(axis=1) if sign == 0 else (leaning != -sign).all(axis=1)
            good &= np.isin(labels, self.poles) if sign == 0 else labels == self._label(sign)
            found.append(start + np.flatnonzero(good))
        return np.concatenate(found)

    def rows(self, count: int) -> Iterator[Row]:
        """About ``count`` rows, nearly as many of either label."""
        if not (len(self.rows_of[1]) and len(self.rows_of[-1])):
            return
        for rule, share in _SHARES.items():
            make: Callable[[int], Row | None] = getattr(self, f"_{rule}")
            signs = _SIGNS.get(rule, _BOTH)
            made = (make(sign) for _ in range(round(count * share / len(signs))) for sign in signs)
            yield from (row for row in made if row and row[0])

    def _kept(self, sign: int) -> Row:
        return self._draw(sign).ids, self._label(sign)

    def _swapped(self, sign: int) -> Row:
        """With the clear word of a stretch of the other sign, if it is a verb where this one is, and vice versa."""
        stretch, other = self._draw(sign), self._draw(-sign)
        same = self.polarity.verbs[stretch.clear[0]] == self.polarity.verbs[other.clear[0]]
        return (stretch._replace(clear=other.clear) if same else other).ids, self._label(-sign)

    def _turned(self, sign: int) -> Row | None:
        return self._framed(self.frames.turned, sign, -sign)

    def _standing(self, sign: int) -> Row | None:
        return self._framed(self.frames.standing, sign, sign)

    def _wished(self, sign: int) -> Row | None:
        return self._framed(self.frames.wished, sign, -sign)

    def _framed(self, frames: Mapping[str, Sequence[Frame]], sign: int, becomes: int) -> Row | None:
        stretch = self._draw(sign)
        known = frames[stretch.kind]
        return (self._filled(self._one_of(known), stretch), self._label(becomes)) if known else None

    def _joined(self, sign: int) -> Row | None:
        if not self.frames.joined:
            return None
        halves = {"X": self._draw(-sign).ids, "Y": self._draw(sign).ids}
        frame = self._one_of(self.frames.joined)
        return [i for part in frame for i in (halves[part] if isinstance(part, str) else [part])], self._label(sign)

    def _unclear(self, sign: int) -> Row | None:
        """Under either label, as often as not in a frame."""
        if not len(self.rows_of[0]):
            return None
        stretch = self._draw(0)
        frames = self._one_of((self.frames.turned, self.frames.turned, self.frames.standing))[stretch.kind]
        framed = frames and self.random.random() < _FRAMED
        return self._filled(self._one_of(frames), stretch) if framed else stretch.ids, self._label(sign)

    def _said(self, sign: int) -> Row | None:
        frames = self.frames.said[sign]
        if not (frames and len(self.rows_of[0])):
            return None
        return self._filled(self._one_of(frames), self._draw(0)), self._label(sign)

    def _filled(self, frame: Frame, stretch: Stretch) -> list[int]:
        places = {"L": stretch.left, "K": stretch.link, "D": stretch.degree, "C": stretch.clear, "R": stretch.right}
        if "E" in frame:
            places["E"] = self._comparative(stretch.clear[0])
        return [i for part in frame for i in (places[part] if isinstance(part, str) else [part])]

    def _comparative(self, clear: int) -> list[int]:
        """Such as "nicer" of "nice", where the lexicon tells the two apart: not by their lemmas. Else "more nice"."""
        word = self.words[clear]
        forms = (_IRREGULAR.get(word, f"{word}er"), f"{word}r", f"{word[:-1]}ier" if word.endswith("y") else "")
        known = [i for i in map(self.lexicon.id_of, forms) if i > UNKNOWN and i != clear]
        more = self.lexicon.id_of("more")
        return known[:1] or [*([more] if more > UNKNOWN else []), clear]

    def _one_of(self, choices: Any) -> Any:
        return choices[self.random.integers(len(choices))]

    def _label(self, sign: int) -> int:
        return self.poles.positive if sign > 0 else self.poles.negative

    def _draw(self, sign: int) -> Stretch:
        """A stretch around a clear word of ``sign``, or around any word of a row of no leaning (0)."""
        row = np.asarray(self.part.ids[self._one_of(self.rows_of[sign])])
        ids = row[row != PADDING].tolist()
        clear = self._one_of(np.flatnonzero(self.polarity.clear[ids]) if sign else range(len(ids)))
        return self._stretch(ids, int(clear))

    def _stretch(self, ids: list[int], clear: int) -> Stretch:
        front = clear
        while front and ids[front - 1] in self.degree:
            front -= 1
        kind, link = BARE, front
        if front and ids[front - 1] in self.linking:
            kind, link = LINKED, front - 1
        elif clear and ids[clear - 1] in self.subjects:
            kind, front, link = SUBJECT, clear, clear - 1
        left, right = self.random.integers(0, _AROUND + 1, 2)
        before, after = ids[max(0, link - left) : link], ids[clear + 1 : clear + 1 + right]
        return Stretch(kind, before, ids[link:front], ids[front:clear], [ids[clear]], after)
