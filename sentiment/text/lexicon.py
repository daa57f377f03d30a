"""The lexicon: a finite table from surface form to id, and the vocabulary that the ids name.

Ids: 0 is padding, and in the table marks a token that is dropped (a stop word); 1 is any token the table does
not hold; from 2 on they are lemmas, the most frequent first.
"""

from collections.abc import Iterable, Sequence
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

    def lookup(self, types: Sequence[str]) -> np.ndarray:
        """Ids of ``types`` ``(n,)`` as int32 ``(n,)``; ``UNKNOWN`` for what the table lacks."""
        get = self.ids.get
        return np.fromiter((get(token, UNKNOWN) for token in types), np.int32, len(types))

    def id_of(self, token: str) -> int:
        """Id of one token; ``UNKNOWN`` for what the table lacks."""
        return self.ids.get(token, UNKNOWN)

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
    """What is known of one surface form: the lemma it counts as, or None where it is dropped."""

    surface: str
    lemma: str | None
    count: int


def build_lexicon(entries: Iterable[LexiconEntry], min_count: int = 1, max_vocabulary: int = 0) -> Lexicon:
    """Give ids to the lemmas that occur often enough, and to every surface form of theirs.

    Args:
        entries: one a surface form; counts of training rows only.
        min_count: occurrences a lemma needs, over all its surface forms.
        max_vocabulary: the most lemmas that get an id; 0 sets no limit. Special tokens always get one.

    Returns:
        A lexicon whose ids fall with the count; ties go by the lemma, so that the result is deterministic.
    """
    entries = list(entries)
    counts: dict[str, int] = dict.fromkeys(SPECIAL_TOKENS, 0)
    for entry in entries:
        if entry.lemma is not None:
            counts[entry.lemma] = counts.get(entry.lemma, 0) + entry.count
    frequent = [lemma for lemma, count in counts.items() if count >= min_count and lemma not in SPECIAL_TOKENS]
    ranked = sorted(frequent, key=lambda lemma: (-counts[lemma], lemma))
    kept = ranked[: max_vocabulary or None] + list(SPECIAL_TOKENS)
    vocabulary = RESERVED + tuple(sorted(kept, key=lambda lemma: (-counts[lemma], lemma)))
    id_of = {lemma: i for i, lemma in enumerate(vocabulary) if i > UNKNOWN}
    ids = {token: id_of[token] for token in SPECIAL_TOKENS}
    for entry in entries:
        if entry.lemma is None:
            ids[entry.surface] = PADDING
        elif entry.lemma in id_of:
            ids[entry.surface] = id_of[entry.lemma]
    return Lexicon(ids, vocabulary)
