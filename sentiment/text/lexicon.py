"""The lexicon: a finite table from surface form to id, and the vocabulary that the ids name.

Ids: 0 is padding, and in the table marks a token that is dropped (a stop word); 1 is any token the table does
not hold; from 2 on they are lemmas, the most frequent in training first. Behind those that occur in training come
those that only the word vectors know, in the order of the vectors' file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sentiment.common.ragged import Ragged
from sentiment.errors import ArtefactError

PADDING = 0
UNKNOWN = 1
RESERVED = ("<pad>", "<unk>")
_LONGEST_NUMBER = 20  # digits of an id; Python refuses to read very long numbers
SPECIAL_TOKENS = (
    "<user>", "<url>", "<number>", "<heart>", "<lolface>", "<smile>", "<sadface>", "<neutralface>",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Surface forms and the vocabulary.

    Attributes:
        ids: surface form -> id; ``PADDING`` for a token that is dropped.
        vocabulary: the lemma of each id, ``RESERVED`` first.
    """

    ids: dict[str, int]
    vocabulary: tuple[str, ...]

    @property
    def size(self) -> int:
        """Ids there are."""
        return len(self.vocabulary)

    def lookup(self, types: Sequence[str]) -> np.ndarray:
        """Ids of ``types`` ``(n,)`` as int32 ``(n,)``; ``UNKNOWN`` for what the table lacks."""
        get = self.ids.get
        return np.fromiter((get(token, UNKNOWN) for token in types), np.int32, len(types))

    def id_of(self, token: str) -> int:
        """Id of one token; ``UNKNOWN`` for what the table lacks."""
        return self.ids.get(token, UNKNOWN)

    def ids_at(self, data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Ids of the words ``(n,)`` that lie in the UTF-8 text ``data``, uint8, as int32 ``(n,)``."""
        bounds = zip(starts.tolist(), (starts + lengths).tolist(), strict=True)
        return self.lookup([data[start:end].tobytes().decode() for start, end in bounds])

    def to_tsv(self) -> str:
        """One line a surface form, tab, id; sorted by surface form, so that a reader can find one by halving."""
        return "".join(f"{token}\t{i}\n" for token, i in sorted(self.ids.items()))

    @classmethod
    def from_tsv(cls, tsv: str, vocabulary: Sequence[str], name: str = "lexicon.tsv") -> "Lexicon":
        """Read what :meth:`to_tsv` wrote.

        Raises:
            ArtefactError: a line is not ``token<TAB>id``, a token occurs twice or an id is outside the vocabulary.
        """
        lines = tsv.split("\n")[:-1]
        try:
            pairs = [line.split("\t") for line in lines]
            ids = {token: int(number) for token, number in pairs}
        except ValueError:
            bad = next((i for i, line in enumerate(lines, 1) if not _is_entry(line)), 1)
            raise ArtefactError(f"{name}:{bad}: expected `token<TAB>id`, received {lines[bad - 1][:60]!r}") from None
        if len(ids) != len(lines) or not tsv.endswith("\n"):
            raise ArtefactError(f"{name}: {len(lines)} lines name {len(ids)} tokens: the file is damaged; export again")
        if tuple(vocabulary[:2]) != RESERVED or not all(0 <= i < len(vocabulary) for i in ids.values()):
            raise ArtefactError(f"{name}: its ids do not fit a vocabulary of {len(vocabulary)}: export the model again")
        return cls(ids, tuple(vocabulary))


def known_shares(ids: Ragged) -> np.ndarray:
    """Share of each row's ids that are not ``UNKNOWN``, float32 ``(n,)``; no row is empty, as ``encode`` makes them."""
    if not len(ids.lengths):
        return np.zeros(0, np.float32)
    known = np.add.reduceat(ids.values != UNKNOWN, ids.starts, dtype=np.int64)
    return (known / ids.lengths).astype(np.float32)


def _is_entry(line: str) -> bool:
    token, tab, number = line.rpartition("\t")
    return (
        bool(token and tab)
        and "\t" not in token
        and number.isascii()
        and number.isdigit()
        and len(number) < _LONGEST_NUMBER
    )


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """What is known of one surface form.

    Attributes:
        surface: a token.
        lemma: what it counts as, or None where it is dropped.
        count: occurrences in the training rows.
        rank: place in the file of word vectors, for a form that gets an id because it has a vector; else None.
    """

    surface: str
    lemma: str | None
    count: int
    rank: int | None = None


def build_lexicon(entries: Iterable[LexiconEntry], min_count: int = 1, max_vocabulary: int = 0) -> Lexicon:
    """Give ids to the lemmas that occur often enough or have a vector, and to every surface form of theirs.

    Args:
        entries: one a surface form; counts of training rows only.
        min_count: occurrences a lemma needs, over all its surface forms, if no form of it has a rank.
        max_vocabulary: the most lemmas that get an id for their occurrences; 0 sets no limit. Special tokens always
            get one.

    Returns:
        A lexicon whose ids fall with the count; ties go by rank and lemma, so that the result is deterministic.
    """
    entries = list(entries)
    counts, ranks = lemma_counts(entries), _lemma_ranks(entries)
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
    """A lexicon for a further corpus: every word keeps what it counts as, and frequent new ones are added.

    The ids that training has seen stay. Behind them come the words that this corpus is the first to hold, the most
    frequent first, whether they are new or were known by their vector alone; then the others of those.

    Args:
        lexicon: of the parent.
        seen: its ids below this one occurred in its training.
        counts: surface form -> occurrences in the new training rows.
        entries: one for each surface form of those that ``lexicon`` may lack.
        min_count: occurrences a new lemma needs.

    Returns:
        The lexicon, and how many of its ids have been seen now.
    """
    old, known = lexicon.vocabulary, set(lexicon.vocabulary)
    new = [entry for entry in entries if entry.lemma is not None and entry.surface not in lexicon.ids]
    found = dict.fromkeys(known, 0) | lemma_counts(new)
    for surface, count in counts.items():
        if lexicon.ids.get(surface, UNKNOWN) > UNKNOWN:
            found[old[lexicon.ids[surface]]] += count
    behind = set(old[seen:])
    fresh = [lemma for lemma, n in found.items() if (n and lemma in behind) or (n >= min_count and lemma not in known)]
    fresh.sort(key=lambda lemma: (-found[lemma], lemma))
    vocabulary = (*old[:seen], *fresh, *(lemma for lemma in old[seen:] if not found[lemma]))
    id_of = {lemma: i for i, lemma in enumerate(vocabulary)}
    ids = {surface: id_of[old[i]] if i > UNKNOWN else i for surface, i in lexicon.ids.items()}
    ids |= {entry.surface: id_of[entry.lemma] for entry in new if entry.lemma in id_of}
    return Lexicon(ids, vocabulary), seen + len(fresh)


def lemma_counts(entries: Iterable[LexiconEntry]) -> dict[str, int]:
    """Occurrences in the training rows of each lemma, and of each special token."""
    counts: dict[str, int] = dict.fromkeys(SPECIAL_TOKENS, 0)
    for entry in entries:
        if entry.lemma is not None:
            counts[entry.lemma] = counts.get(entry.lemma, 0) + entry.count
    return counts


def count_seen(lexicon: Lexicon, entries: Iterable[LexiconEntry]) -> int:
    """How many ids of ``lexicon``, from 0 on, are reserved or occur in training; those behind have a vector only."""
    counts = lemma_counts(entries)
    return len(RESERVED) + sum(counts[lemma] > 0 for lemma in lexicon.vocabulary[len(RESERVED) :])


def _lemma_ranks(entries: Iterable[LexiconEntry]) -> dict[str, int]:
    """The least rank of each lemma's surface forms, of those that have one."""
    ranks: dict[str, int] = {}
    for entry in entries:
        if entry.lemma is not None and entry.rank is not None:
            ranks[entry.lemma] = min(entry.rank, ranks.get(entry.lemma, entry.rank))
    return ranks
