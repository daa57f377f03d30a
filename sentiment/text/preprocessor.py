"""The only definition of the text preprocessing, which converts raw texts to rows of ids.

Training encodes its rows with a :class:`Preprocessor`. The exported model contains it, and the SavedModel graph is
built from it. All three therefore give the same ids.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.common.lazy import LazyProperty
from sentiment.common.ragged import Ragged, ragged
from sentiment.errors import ArtefactError
from sentiment.text.chunk_table import ChunkTable
from sentiment.text.few_texts import FewTexts
from sentiment.text.file_names import LEXICON, PREPROCESSING, VOCABULARY
from sentiment.text.inputs import as_sequence, encode_all, is_arrow
from sentiment.text.lexicon import PADDING, RESERVED, UNKNOWN, Lexicon
from sentiment.text.mapped_lexicon import map_lexicon
from sentiment.text.normalisation import HASHTAG, HASHTAG_WORDS, LONG, WHITE_SPACE, Rule
from sentiment.text.rules_in_python import LONGEST, CompiledRules, can_run, to_lower_case

if TYPE_CHECKING:
    import pyarrow as pa

    from sentiment.text.many_texts import ManyTexts

FEW = 128  # up to this number of texts, Python's engine is done before Arrow's has compiled its expressions


@dataclass(frozen=True)
class Preprocessor:
    """Convert texts to rows of ids by normalisation rules and a lexicon.

    Attributes:
        rules: the normalisation rules, in the order of their application.
        lexicon: the table from surface form (a token as written) to id.
        max_tokens: the largest number of ids in a row.
        seen: number of ids that are reserved or occurred in training. All later ids are words that only have a vector.
            None means that the number is not known.
        table: the ids of frequent chunks (stretches between spaces), or None. The table only saves time.
    """

    rules: tuple[Rule, ...]
    lexicon: Lexicon
    max_tokens: int
    seen: int | None = None
    table: ChunkTable | None = field(default=None, repr=False, compare=False)

    @LazyProperty
    def saying_nothing(self) -> list[int]:
        """Return the ids that do not count as known tokens: those of unknown words, links and user names."""
        links_and_names = {self.lexicon.id_of(token) for token in ("<url>", "<user>")} - {PADDING}
        return sorted({UNKNOWN, *links_and_names})

    @LazyProperty
    def says_something(self) -> np.ndarray:
        """Return whether each id counts as known, bool ``(vocabulary,)``."""
        known = np.ones(self.lexicon.size, bool)
        known[self.saying_nothing] = False
        return known

    @property
    def seen_ids(self) -> int:
        """Return how many ids are reserved (padding, unknown) or occurred in training; all ids if ``seen`` is None."""
        return self.lexicon.size if self.seen is None else self.seen

    def encode(self, texts: "Sequence[str] | pa.Array") -> Ragged:
        """Return the ids of the tokens of ``texts`` ``(n,)``, at most ``max_tokens`` per row.

        A tweet without any token (blank, or stop words only) becomes a single ``UNKNOWN``. The model has learned from
        tweets of unknown words how to label such a tweet. Few short texts are encoded without Arrow, with equal ids.

        Raises:
            InputError: a text is not a string or has no UTF-8 form.
        """
        return self._encoded(texts)[0]

    def encode_and_compare(self, texts: "Sequence[str] | pa.Array") -> tuple[Ragged, np.ndarray]:
        """Return the result of :meth:`encode`, and whether each text was cut to ``max_tokens``, bool ``(n,)``."""
        ids, lengths = self._encoded(texts)
        return ids, np.asarray(lengths, np.int32) > self.max_tokens

    def _encoded(self, texts: "Sequence[str] | pa.Array") -> tuple[Ragged, Sequence[int] | np.ndarray]:
        """Return the result of :meth:`encode`, and the number of ids of each text before it was cut, ``(n,)``."""
        texts = as_sequence(texts)
        if self._rules is not None and are_few_and_short(texts):
            rows = self._few.rows_of(encode_all(texts))
            return ragged([row[: self.max_tokens] or [UNKNOWN] for row in rows]), [*map(len, rows)]
        whole = self._many.encode(texts)
        return self.shorten(whole), whole.lengths

    def tokens_of(self, text: str) -> list[str]:
        """Return the tokens of one text in their order, including tokens that the lexicon drops, such as stop words.

        Raises:
            InputError: ``text`` is not a string or has no UTF-8 form.
        """
        encoded = encode_all([text])
        if self._rules is not None and len(encoded[0]) <= LONGEST:
            return self._rules.tokens_of([to_lower_case(encoded[0])])[0]
        from sentiment.text.tokens import tokenise

        types, codes = tokenise([text], self.rules)
        return [types[code] for code in codes.values]

    @LazyProperty
    def _rules(self) -> CompiledRules | None:
        return CompiledRules(self.rules) if can_run(self.rules) else None

    @LazyProperty
    def _few(self) -> FewTexts:
        return FewTexts(self._ids_in_python)

    @LazyProperty
    def _many(self) -> "ManyTexts":
        from sentiment.text.many_texts import ManyTexts  # imported late, because it imports Arrow

        return ManyTexts(self.rules, self.lexicon, self.table)

    def _ids_in_python(self, chunks: Sequence[bytes]) -> list[list[int]]:
        """Return a list of ids for each chunk (text between spaces; UTF-8, lower case). Dropped tokens have no id."""
        assert self._rules is not None
        id_of = self.lexicon.id_of
        return [[i for i in map(id_of, tokens) if i != PADDING] for tokens in self._rules.tokens_of(chunks)]

    def shorten(self, ids: Ragged) -> Ragged:
        """Remove ids of dropped tokens, cut rows to ``max_tokens`` ids, and turn an empty row into one ``UNKNOWN``."""
        dropped = ids.values == PADDING
        kept = ids.keep(~dropped) if dropped.any() else ids
        if kept.lengths.max(initial=0) > self.max_tokens:
            position = np.arange(len(kept.values)) - np.repeat(kept.starts, kept.lengths)
            kept = kept.keep(position < self.max_tokens)
        empty = kept.lengths == 0
        values = np.insert(kept.values, kept.starts[empty], UNKNOWN)
        return Ragged(values, kept.lengths + empty.astype(np.int32))

    def pad(self, ids: Ragged) -> np.ndarray:
        """Return ``n`` rows of up to ``max_tokens`` ids as int32 ``(n, max_tokens)``, with zeros after the ids."""
        return pad(ids, self.max_tokens)

    def save(self, folder: Path) -> None:
        """Write the three ``FILES`` into ``folder``, one after another, so no other process may read it meanwhile."""
        vocabulary = "".join(f"{lemma}\n" for lemma in self.lexicon.vocabulary)
        texts = {LEXICON: self.lexicon.to_tsv(), VOCABULARY: vocabulary, PREPROCESSING: self.to_json()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path, read: Callable[[str], bytes] | None = None) -> "Preprocessor":
        """Read the files that :meth:`save` wrote to ``folder``. ``read``, if given, returns the bytes of a file's name.

        Raises:
            ArtefactError: a file is damaged, or the files do not belong together.
        """
        read = read or (lambda name: Path(folder, name).read_bytes())
        lines, vocabulary = read(LEXICON), _decoded(f"{folder}/{VOCABULARY}", read(VOCABULARY))
        lexicon = map_lexicon(lines, vocabulary, f"{folder}/{LEXICON}")
        path = f"{folder}/{PREPROCESSING}"
        return cls.from_json(_decoded(path, read(PREPROCESSING)), lexicon, path)

    def to_json(self) -> str:
        """Return the rules and settings, all but the lexicon, as JSON, which programs in other languages can read."""
        data = {"max_tokens": self.max_tokens, "padding": "post", "seen": self.seen_ids}
        data |= {"saying_nothing": self.saying_nothing, "long_mark": LONG, "white_space": WHITE_SPACE}
        data |= {"hashtag": {"pattern": HASHTAG, "replacement": HASHTAG_WORDS}}
        data |= {"rules": [asdict(rule) for rule in self.rules]}
        return json.dumps(data, indent=2, ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str, lexicon: Lexicon, name: str = "preprocessing.json") -> "Preprocessor":
        """Make a preprocessor from a lexicon and the text that :meth:`to_json` returned.

        Raises:
            ArtefactError: a key is missing or has an invalid value. The message names the file ``name``.
        """
        try:
            data = json.loads(text)
            rules = tuple(Rule(**rule) for rule in data["rules"])
            seen = data.get("seen", lexicon.size)
            if type(seen) is not int or not len(RESERVED) <= seen <= lexicon.size:
                raise ValueError(f"seen = {str(seen)[:40]} of a vocabulary of {lexicon.size}")
            max_tokens = data["max_tokens"]
            if type(max_tokens) is not int or max_tokens < 1:
                raise ValueError(f"max_tokens = {str(max_tokens)[:40]}")
            if not can_run(rules):  # the rules of this package are valid; Arrow checks others, as RE2
                from sentiment.common.arrow_arrays import from_encoded
                from sentiment.text.rules_in_arrow import apply_rules

                apply_rules(from_encoded([b""]), rules)
        except (ValueError, KeyError, TypeError, RecursionError) as error:  # Arrow's errors are ValueErrors
            raise ArtefactError(f"{name}: expected rules and max_tokens ({error}): export again") from error
        return cls(rules, lexicon, max_tokens, seen)


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ArtefactError(f"{path}: expected UTF-8 ({error.reason}); make it again") from error


def are_few_and_short(texts: Any) -> bool:
    """Return whether ``texts`` are so few and so short that Python's ``re`` encodes them sooner than Arrow does."""
    if is_arrow(texts) or len(texts) > FEW:
        return False
    return all(not isinstance(text, str) or len(text) <= LONGEST for text in texts)


def pad(ids: Ragged, length: int) -> np.ndarray:
    """Return rows of up to ``length`` ids as int32 ``(n, length)``, with zeros after the ids of each row."""
    padded = np.full((len(ids.lengths), length), PADDING, np.int32)
    padded[np.arange(length, dtype=np.int32) < ids.lengths[:, None]] = ids.values
    return padded
