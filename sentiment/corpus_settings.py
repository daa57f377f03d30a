"""The settings for reading a labelled file: its format, its columns, and the meaning of its labels."""

from dataclasses import dataclass, field

from sentiment.errors import SettingsError
from sentiment.settings_checks import Section, at_least, one_of, require

POLARITIES = ("negative", "neutral", "positive")
_RESERVED = ("uncertain", "unknown")  # answers of a model that are not classes


@dataclass(frozen=True, slots=True)
class CorpusSettings(Section):
    """How a labelled file is read. The defaults are the format of Sentiment140.

    Attributes:
        encoding: the encoding of a CSV or TSV file, as the name of a Python codec.
        repair_utf8: in a CSV or TSV file read as latin-1, decode a text as UTF-8 if its bytes are valid UTF-8.
            Sentiment140 contains such texts.
        format: ``csv``, ``tsv``, ``jsonl``, ``parquet`` or ``fasttext``. If empty, the file name decides; a name
            without one of these endings means ``csv``.
        delimiter: the character between the fields of a CSV. If empty, a comma, tab, semicolon or bar is detected.
        quotes: whether quotes enclose the fields of a CSV: ``yes`` or ``no``. If empty, quotes are detected.
        header: whether the first line contains the names of the columns.
        columns: the number of columns of a CSV without a header; 0 means that of the first line.
        text_column, label_column: the name of the column if there is a header, else its position, counted from 0.
        labels: value of each class in the label column, or a list of values. A number needs no quotes. The log
            shows the classes in this order; the model sorts them, as scikit-learn expects.
        ignored_labels: label values whose rows are left out and counted.
        exact_labels: compare label values exactly. Otherwise case and surrounding white space are ignored.
        max_bad_rows: the number of damaged rows that may be skipped before reading fails.
        polarity: meaning (``negative``, ``neutral`` or ``positive``) of each class that has another name. Models are
            compared with VADER and TextBlob, and tested on minimal pairs, only if the meanings are known.
    """

    encoding: str = "latin-1"
    repair_utf8: bool = True
    format: str = one_of("", "csv", "tsv", "jsonl", "parquet", "fasttext", default="")
    delimiter: str = ""
    quotes: str = one_of("", "yes", "no", default="")
    header: bool = False
    columns: int = at_least(0, 6)
    text_column: str | int = 5
    label_column: str | int = 0
    labels: dict[str, str | int | bool | list[str | int | bool]] = field(
        default_factory=lambda: {"negative": "0", "neutral": "2", "positive": "4"}
    )
    ignored_labels: tuple[str | int | bool, ...] = ()
    exact_labels: bool = False
    max_bad_rows: int = at_least(0, 0)
    polarity: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Section.__post_init__(self)
        try:
            "".encode(self.encoding)
        except (LookupError, ValueError):  # some codecs exist only to fail, and a name may contain a NUL
            raise SettingsError(f"corpus.encoding: {self.encoding!r} is not a codec that Python knows") from None
        require(
            len(self.delimiter) <= 1 and self.delimiter not in ('"', "\r", "\n"),
            f"corpus.delimiter: expected one character, received {self.delimiter!r}; no quote or line end",
        )
        self._check_labels()
        self._check_columns()
        self._check_polarity()

    def _check_labels(self) -> None:
        require(len(self.labels) >= 2, f"corpus.labels: expected two classes or more, received {self.labels}")
        keys = [{self.label_key(value) for value in values} for values in self.label_values()]
        distinct = len(set().union(*keys)) == sum(map(len, keys))
        require(distinct, f"corpus.labels: two classes share a value in {self.labels}")
        require(all(keys), f"corpus.labels: a class without a value in {self.labels}")
        for name in self.labels:
            named = name.strip() and min(name) >= " "  # a line end or a tab would break lines of output
            require(bool(named), f"corpus.labels: expected a name of one line for each class, received {name!r}")
        for name in _RESERVED:
            require(name not in self.labels, f"corpus.labels: {name!r} is what answers are called; name it otherwise")

    def _check_columns(self) -> None:
        for name, column in (("text_column", self.text_column), ("label_column", self.label_column)):
            if isinstance(column, str):
                require(self.header, f"corpus.{name}: {column!r} is a name, which needs corpus.header = true")
            else:
                require(column >= 0, f"corpus.{name}: expected at least 0, received {column}")

    def _check_polarity(self) -> None:
        for name, polarity in self.polarity.items():
            require(name in self.labels, f"corpus.polarity: {name!r} is not among {', '.join(self.labels)}")
            known = polarity in POLARITIES
            require(known, f"corpus.polarity.{name}: expected one of {', '.join(POLARITIES)}, received {polarity!r}")
        meant = [self.polarity.get(name, name) for name in self.labels]
        twice = [name for name in POLARITIES if meant.count(name) > 1]
        require(not twice, f"corpus.polarity: two classes are {''.join(twice[:1])}; expected one at most")

    def label_values(self) -> list[tuple[str, ...]]:
        """Return the label values of each class as strings, in the order of ``labels``."""
        several = (value if isinstance(value, list | tuple) else (value,) for value in self.labels.values())
        return [tuple(_written(value) for value in values) for values in several]

    def ignored_values(self) -> tuple[str, ...]:
        """Return the label values of rows that are left out, as strings."""
        return tuple(_written(value) for value in self.ignored_labels)

    def label_key(self, value: str) -> str:
        """Return ``value`` as it is compared: unchanged if ``exact_labels`` is set, else trimmed and case-folded."""
        return value if self.exact_labels else value.strip().casefold()


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One of the corpora that a profile names (``[[corpora]]``), in place of the Make variable `CORPUS`.

    Attributes:
        file: the path of a file or folder, or a pattern.
        weight: the weight in training of each row of this corpus, relative to a row of weight 1.
        corpus: a table with the settings of ``[corpus]`` for this file. Its classes must be classes of the profile.
    """

    file: str
    weight: float = 1.0
    corpus: CorpusSettings = field(default_factory=CorpusSettings)

    def __post_init__(self) -> None:
        require(bool(self.file), "corpora.file: expected a path, received nothing")
        require(self.weight > 0, f"corpora.weight: expected more than 0, received {self.weight}")


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
