"""The one definition of the text treatment: raw text -> rows of ids.

A :class:`Preprocessor` is plain data (rules, lexicon, length). Training encodes its rows with it, the exported
model carries it, and the SavedModel graph is built from it, so there is nothing that could differ.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.common.plain_data import from_dict
from sentiment.common.ragged import Ragged, ragged
from sentiment.errors import ArtefactError, SettingsError
from sentiment.settings import PreprocessingSettings
from sentiment.text.chunk_memory import ChunkMemory
from sentiment.text.chunk_table import ChunkTable
from sentiment.text.inputs import as_sequence, encode_all, is_arrow
from sentiment.text.lexicon import PADDING, RESERVED, UNKNOWN, Lexicon
from sentiment.text.mapped_lexicon import AnyLexicon, map_lexicon
from sentiment.text.normalisation import RULES, Rule
from sentiment.text.rules_in_python import LONGEST, CompiledRules, can_run
from sentiment.text.single_chunks import SingleChunks
from sentiment.text.table_encoder import TableEncoder

if TYPE_CHECKING:
    import pyarrow as pa

LEXICON, VOCABULARY, PREPROCESSING = FILES = ("lexicon.tsv", "vocabulary.txt", "preprocessing.json")
_FEW = 24  # up to so many texts, Python's engine is done before Arrow's has compiled its expressions
_FEW_CHUNKS = 256  # the same of chunks, which are short; more of them would keep other threads waiting ...
_FEW_UNIMPORTED = 8192  # ... and where Arrow would have to be imported first, at a cost of 60 MB too
_FEW_BESIDE_TABLE = 64  # and where there is a table, which takes half a millisecond a call, up to so many


@dataclass(frozen=True, slots=True)
class Preprocessor:
    """Rules, lexicon and row length.

    Attributes:
        rules: applied in order.
        lexicon: surface form -> id.
        max_tokens: row length.
        padding: ``post`` or ``pre``: the side that zeros are put on. Rows are always cut at the end.
        seen: ids below this one are reserved or occurred in training; those from it on name words that only the
            vectors know. None where that is not known (models made before it was noted).
        table: the outcome of rules and lexicon for frequent chunks, if there is one; it changes no answer.
    """

    rules: tuple[Rule, ...]
    lexicon: AnyLexicon
    max_tokens: int
    padding: str = "post"
    seen: int | None = None
    table: ChunkTable | None = field(default=None, repr=False, compare=False)
    _few: CompiledRules | None = field(init=False, repr=False, compare=False)
    _memory: ChunkMemory = field(init=False, repr=False, compare=False)
    _by_table: TableEncoder | None = field(init=False, repr=False, compare=False)

    @property
    def seen_ids(self) -> int:
        """``seen``, or the size of the vocabulary where it is not known."""
        return self.lexicon.size if self.seen is None else self.seen

    def __post_init__(self) -> None:
        """Compile the rules for few texts, and put the table to use."""
        known = can_run(self.rules)
        object.__setattr__(self, "_few", CompiledRules(self.rules) if known else None)
        encoder: TableEncoder | None = None
        find: Callable[[Sequence[bytes]], Sequence[Sequence[int]]] = self._rows_in_python
        if known and self.table is not None:
            encoder = TableEncoder(self.rules, self.table, self.lexicon, self.rows_by_rules)
            find = SingleChunks(self.table, self.rules == RULES, self._rows_in_python).rows_of
        object.__setattr__(self, "_by_table", encoder)
        object.__setattr__(self, "_memory", ChunkMemory(find))

    def encode(self, texts: "Sequence[str] | pa.Array") -> Ragged:
        """Ids of the tokens of ``texts`` ``(n,)``, at most ``max_tokens`` a row.

        Few short texts take a path of their own, which never imports Arrow; the answers are the same.

        A tweet that has no token left (blank, or stop words only) is one ``UNKNOWN``: the model's answer to
        "nothing known", which it has learned from tweets of unknown words.

        Raises:
            InputError: a text is not a string or has no UTF-8 form.
        """
        texts = as_sequence(texts)
        few = _FEW if self._by_table is None else _FEW_BESIDE_TABLE
        if self._few is not None and _are_few_and_short(texts, few):
            rows = self._memory.rows_of(encode_all(texts))
            return ragged([row[: self.max_tokens] or [UNKNOWN] for row in rows])
        if self._by_table is not None:
            return self.shorten(self._by_table.encode(texts))
        from sentiment.text.tokens import tokenise

        types, codes = tokenise(texts, self.rules)
        return self.shorten(Ragged(self.lexicon.lookup(types)[codes.values], codes.lengths))

    def tokens_of(self, text: str) -> list[str]:
        """The tokens of one text, dropped ones too, in their order.

        Raises:
            InputError: it is not a string or has no UTF-8 form.
        """
        encoded = encode_all([text])
        if self._few is not None and len(encoded[0]) <= LONGEST:
            return self._few.tokens_of(encoded)[0]
        from sentiment.text.tokens import tokenise

        types, codes = tokenise([text], self.rules)
        return [types[code] for code in codes.values]

    def rows_by_rules(self, texts: Sequence[bytes]) -> Ragged:
        """All ids of each of ``texts``, which are in UTF-8, dropped tokens left out, without the table."""
        if self._few is not None and len(texts) <= _few_chunks() and all(len(text) <= LONGEST for text in texts):
            return ragged(self._rows_in_python(texts))
        from sentiment.text.tokens import from_encoded, tokenise

        types, codes = tokenise(from_encoded(texts), self.rules)
        ids = self.lexicon.lookup(types)[codes.values]
        return Ragged(ids, codes.lengths).keep(ids != PADDING)

    def _rows_in_python(self, texts: Sequence[bytes]) -> list[list[int]]:
        """As :meth:`rows_by_rules`, row by row."""
        assert self._few is not None
        id_of = self.lexicon.id_of
        return [[i for i in map(id_of, tokens) if i != PADDING] for tokens in self._few.tokens_of(texts)]

    def shorten(self, ids: Ragged) -> Ragged:
        """Drop zeros, keep the first ``max_tokens`` of each row, and make an empty row one ``UNKNOWN``."""
        dropped = ids.values == PADDING
        kept = ids.keep(~dropped) if dropped.any() else ids
        if kept.lengths.max(initial=0) > self.max_tokens:
            position = np.arange(len(kept.values)) - np.repeat(kept.starts, kept.lengths)
            kept = kept.keep(position < self.max_tokens)
        empty = kept.lengths == 0
        values = np.insert(kept.values, kept.starts[empty], UNKNOWN)
        return Ragged(values, kept.lengths + empty.astype(np.int32))

    def pad(self, ids: Ragged) -> np.ndarray:
        """``ids`` (``n`` rows) as int32 ``(n, max_tokens)``, zeros on the side of ``padding``."""
        return pad(ids, self.max_tokens, self.padding)

    def save(self, folder: Path) -> None:
        """Write the three ``FILES`` into ``folder``, one after the other: give one that nobody reads yet."""
        vocabulary = "".join(f"{lemma}\n" for lemma in self.lexicon.vocabulary)
        texts = {LEXICON: self.lexicon.to_tsv(), VOCABULARY: vocabulary, PREPROCESSING: self.to_json()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> "Preprocessor":
        """Read what :meth:`save` wrote.

        Args:
            folder: where it is.
            read: gives a file's content, for whoever checks it first; what this raises is passed on.

        Raises:
            ArtefactError: a file is damaged, or they do not belong together.
        """
        texts = {name: _decoded(folder / name, read(folder / name)) for name in FILES}
        lexicon: AnyLexicon | None = map_lexicon(texts[LEXICON].encode(), texts[VOCABULARY])
        if lexicon is None:  # in another order, as older exports left it, or damaged: then this says what is wrong
            lexicon = Lexicon.from_tsv(texts[LEXICON], texts[VOCABULARY].split("\n")[:-1], str(folder / LEXICON))
        return cls.from_json(texts[PREPROCESSING], lexicon, str(folder / PREPROCESSING))

    def to_json(self) -> str:
        """Everything but the lexicon, which has files of its own."""
        data = {"max_tokens": self.max_tokens, "padding": self.padding, "seen": self.seen_ids}
        data |= {"rules": [asdict(rule) for rule in self.rules]}
        return json.dumps(data, indent=2, ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str, lexicon: AnyLexicon, name: str = "preprocessing.json") -> "Preprocessor":
        """Read what :meth:`to_json` wrote; the lexicon has files of its own.

        Raises:
            ArtefactError: a key is missing or has the wrong type.
        """
        try:
            data = json.loads(text)
            rules = tuple(Rule(**rule) for rule in data["rules"])
            seen = data.get("seen", lexicon.size)
            if type(seen) is not int or not len(RESERVED) <= seen <= lexicon.size:
                raise ValueError(f"seen = {str(seen)[:40]} of a vocabulary of {lexicon.size}")
            checked = from_dict(PreprocessingSettings, {name: data[name] for name in ("max_tokens", "padding")})
            _try(rules)
        except (ValueError, KeyError, TypeError, RecursionError, SettingsError) as error:
            raise ArtefactError(f"{name}: expected rules, max_tokens and padding ({error}): export again") from error
        return cls(rules, lexicon, checked.max_tokens, checked.padding, seen)


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ArtefactError(f"{path}: expected UTF-8 ({error.reason}); make it again") from error


def _are_few_and_short(texts: Any, few: int) -> bool:
    if is_arrow(texts) or len(texts) > few:
        return False
    return all(not isinstance(text, str) or len(text) <= LONGEST for text in texts)


def _few_chunks() -> int:
    return _FEW_CHUNKS if "pyarrow" in sys.modules else _FEW_UNIMPORTED


def _try(rules: tuple[Rule, ...]) -> None:
    """Find a rule that no engine can run now, not later; those of this package need no trial, nor Arrow's import.

    Raises:
        ValueError: there is one.
        TypeError: a pattern or a replacement is not a string.
    """
    if can_run(rules):
        return
    import pyarrow as pa

    from sentiment.text.rules_in_arrow import apply_rules
    from sentiment.text.tokens import as_arrow

    try:
        apply_rules(as_arrow([""]), rules)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def pad(ids: Ragged, length: int, padding: str = "post") -> np.ndarray:
    """Rows of at most ``length`` ids as int32 ``(n, length)``, zeros behind (``post``) or before (``pre``)."""
    padded = np.full((len(ids.lengths), length), PADDING, np.int32)
    positions = np.arange(length, dtype=np.int32)
    if padding == "post":
        padded[positions < ids.lengths[:, None]] = ids.values
    else:
        padded[positions >= length - ids.lengths[:, None]] = ids.values
    return padded


def select_rules(settings: PreprocessingSettings) -> tuple[Rule, ...]:
    """The rules that the settings leave in.

    Raises:
        SettingsError: ``skip_rules`` names a rule that does not exist.
    """
    names = [rule.name for rule in RULES]
    for name in settings.skip_rules:
        if name not in names:
            raise SettingsError(f"preprocessing.skip_rules: no rule {name!r}; there are {', '.join(names)}")
    return tuple(rule for rule in RULES if rule.name not in settings.skip_rules)
