"""The lexicon: a table from surface form to id, and the vocabulary, which has the lemma of each id.

A surface form is a token as it is written. Id 0 is padding, and the table gives this id to dropped tokens (stop words).
Id 1 stands for every token that the table lacks. The ids from 2 on are lemmas. First come the lemmas that occur in
training, from frequent to rare. Then come the lemmas that only have a word vector, in the order of the vectors' file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.text.normalisation import LONG

PADDING = 0
UNKNOWN = 1
RESERVED = ("<pad>", "<unk>")
SPECIAL_TOKENS = (
    "<user>", "<url>", "<number>", "<heart>", "<lolface>", "<smile>", "<sadface>", "<neutralface>",
    "<toprating>", "<midrating>", "<lowrating>",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The table ``ids`` from surface form to id, and ``vocabulary``, the lemma of each id, or its reserved name."""

    ids: dict[str, int]
    vocabulary: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        """Return whether ``other``, a lexicon in memory or in a file, has the same forms, ids and vocabulary."""
        if not isinstance(other, Lexicon):
            return NotImplemented
        return (self.ids, self.vocabulary) == (other.ids, other.vocabulary)

    @property
    def size(self) -> int:
        """Return the number of ids."""
        return len(self.vocabulary)

    def lookup(self, types: Sequence[str]) -> np.ndarray:
        """Return the ids of the tokens ``types`` as int32 ``(n,)``; ``UNKNOWN`` for a token that the table lacks."""
        ids = np.fromiter(map(self.ids.get, types, repeat(UNKNOWN)), np.int32, len(types))
        for i in np.flatnonzero(ids == UNKNOWN).tolist():
            ids[i] = self.ids.get(types[i].removeprefix(LONG), UNKNOWN)
        return ids

    def id_of(self, token: str) -> int:
        """Return the id of one token, with or without its mark of elongation; ``UNKNOWN`` if the table has neither."""
        number = self.ids.get(token)
        return self.ids.get(token.removeprefix(LONG), UNKNOWN) if number is None else number

    def to_tsv(self) -> str:
        """Return the table as lines ``form<TAB>id``, sorted by form, so that a reader can use binary search."""
        return "".join(f"{token}\t{i}\n" for token, i in sorted(self.ids.items()))


def known_shares(ids: Ragged, says_something: np.ndarray) -> np.ndarray:
    """Return the share of known ids in each of ``n`` rows, none of them empty, float32 ``(n,)``.

    ``says_something`` tells whether an id counts as known, bool ``(vocabulary,)``.
    """
    known = says_something.take(ids.values)
    return np.add.reduceat(known, ids.starts, dtype=np.float32) / ids.lengths.astype(np.float32)


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """One surface form (a token as written) and its lemma.

    Attributes:
        surface: the form.
        lemma: the word whose id the form gets, or None if the form is dropped.
        count: occurrences in the training rows.
        rank: position among the words of the vectors' file that get an id even without occurrences; None for others.
    """

    surface: str
    lemma: str | None
    count: int
    rank: int | None = None


def build_lexicon(entries: Iterable[LexiconEntry], min_count: int = 1, max_vocabulary: int = 0) -> Lexicon:
    """Assign ids to the lemmas that occur often enough or have a vector, and to all their surface forms.

    The most frequent lemmas have the lowest ids. Lemmas of equal frequency are in the order of their vectors, then of
    the alphabet, so the result is deterministic. Special tokens always get an id.

    Args:
        entries: one entry per surface form.
        min_count: occurrences that a lemma without a vector needs, over all its surface forms.
        max_vocabulary: the largest number of lemmas that get an id because they occur often; 0 sets no limit.
    """
    entries = list(entries)
    counts, ranks = lemma_counts(entries), dict[str, int]()
    for entry in entries:
        if entry.lemma is not None and entry.rank is not None:
            ranks[entry.lemma] = min(entry.rank, ranks.get(entry.lemma, entry.rank))
    frequent = [lemma for lemma, count in counts.items() if count >= min_count and lemma not in SPECIAL_TOKENS]
    frequent.sort(key=lambda lemma: (-counts[lemma], lemma))
    kept = {*frequent[: max_vocabulary or None], *SPECIAL_TOKENS, *ranks}
    vocabulary = RESERVED + tuple(sorted(kept, key=lambda lemma: (-counts[lemma], ranks.get(lemma, 0), lemma)))
    id_of = {lemma: i for i, lemma in enumerate(vocabulary) if i > UNKNOWN}
    ids = {token: id_of[token] for token in SPECIAL_TOKENS}
    for entry in entries:
        if entry.lemma is None:
            ids[entry.surface] = PADDING
        elif entry.lemma in id_of:
            ids[entry.surface] = id_of[entry.lemma]
    return Lexicon(ids, vocabulary)


def extend_lexicon(
    lexicon: Lexicon, seen: int, counts: Mapping[str, int], entries: Iterable[LexiconEntry], min_count: int = 1
) -> tuple[Lexicon, int]:
    """Extend the lexicon of a base model (a trained model) for a further corpus.

    Every form of the old lexicon keeps its lemma. The new vocabulary has three sections. First come the lemmas that the
    base model has seen in training, with their old ids. Then come the lemmas that occur for the first time in the new
    corpus, the most frequent first. Last come the other lemmas of the old vocabulary, which have only a vector.

    Args:
        seen: ids of ``lexicon`` below this one occurred in the training of the base model.
        counts: numbers of occurrences in the new training rows, by surface form.
        entries: one per surface form that ``lexicon`` may lack.
        min_count: occurrences that a new lemma needs.

    Returns:
        The new lexicon, and the number of its ids that have occurred in the old or new training.
    """
    old, known = lexicon.vocabulary, set(lexicon.vocabulary)
    new = [entry for entry in entries if entry.lemma is not None and entry.surface not in lexicon.ids]
    found = dict.fromkeys(known, 0) | lemma_counts(new)
    for surface, count in counts.items():
        if lexicon.ids.get(surface, UNKNOWN) > UNKNOWN:
            found[old[lexicon.ids[surface]]] += count
    unseen = set(old[seen:])
    fresh = [lemma for lemma, n in found.items() if (n and lemma in unseen) or (n >= min_count and lemma not in known)]
    fresh.sort(key=lambda lemma: (-found[lemma], lemma))
    vocabulary = (*old[:seen], *fresh, *(lemma for lemma in old[seen:] if not found[lemma]))
    id_of = {lemma: i for i, lemma in enumerate(vocabulary)}
    ids = {surface: id_of[old[i]] if i > UNKNOWN else i for surface, i in lexicon.ids.items()}
    ids |= {entry.surface: id_of[entry.lemma] for entry in new if entry.lemma in id_of}
    return Lexicon(ids, vocabulary), seen + len(fresh)


def lemma_counts(entries: Iterable[LexiconEntry]) -> dict[str, int]:
    """Return how often each lemma and each special token occurs in the training rows."""
    counts: dict[str, int] = dict.fromkeys(SPECIAL_TOKENS, 0)
    for entry in entries:
        if entry.lemma is not None:
            counts[entry.lemma] = counts.get(entry.lemma, 0) + entry.count
    return counts


def count_seen(lexicon: Lexicon, entries: Iterable[LexiconEntry]) -> int:
    """Return how many ids are reserved or have a lemma that occurs in training. All later ids only have a vector."""
    counts = lemma_counts(entries)
    return len(RESERVED) + sum(counts[lemma] > 0 for lemma in lexicon.vocabulary[len(RESERVED) :])
