"""How a labelled file is read: its format, its columns, and what its labels mean."""

from dataclasses import dataclass, field

from sentiment.errors import SettingsError
from sentiment.settings_checks import Section, at_least, one_of, require

POLARITIES = ("negative", "neutral", "positive")
_RESERVED = ("uncertain", "unknown")  # what a model answers beside its classes


@dataclass(frozen=True, slots=True)
class CorpusSettings(Section):
    """How a labelled file is read. The defaults are the format of Sentiment140.

    Attributes:
        encoding: name of a Python codec, for CSV and TSV.
        repair_utf8: decode a text again as UTF-8 where its bytes allow it. Sentiment140 is UTF-8 that is labelled
            latin-1.
        format: ``csv``, ``tsv``, ``jsonl``, ``parquet`` or ``fasttext``. Empty takes it from the name of the file, and
            means ``csv`` where the name does not say.
        delimiter: one character between the fields of a CSV. Empty detects a comma, tab, semicolon or bar.
        quotes: ``yes`` or ``no``: whether quotes enclose the fields of a CSV. Empty detects it.
        header: whether the first line names the columns.
        columns: number of columns of a line; 0 takes it from the first line.
        text_column, label_column: name of the column where there is a header, else its position, counted from 0.
        labels: class name -> its value in the label column, or a list of values. A number needs no quotes. Loading
            shows the classes in this order; the model has them sorted, as scikit-learn expects.
        ignored_labels: values whose rows are left out and counted.
        exact_labels: compare values as they are. Otherwise white space around them and case make no difference.
        max_bad_rows: how many damaged rows may be skipped and counted before reading fails.
        polarity: class name -> ``negative``, ``neutral`` or ``positive``, for classes with other names. VADER,
            TextBlob and the minimal pairs can then be compared with the model.
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
        require(len(self.delimiter) <= 1, f"corpus.delimiter: expected one character, received {self.delimiter!r}")
        self._check_labels()
        self._check_columns()
        self._check_polarity()

    def _check_labels(self) -> None:
        require(len(self.labels) >= 2, f"corpus.labels: expected two classes or more, received {self.labels}")
        keys = [{self.label_key(value) for value in values} for values in self.label_values()]
        distinct = len(set().union(*keys)) == sum(map(len, keys))
        require(distinct, f"corpus.labels: two classes share a value in {self.labels}")
        require(all(keys), f"corpus.labels: a class without a value in {self.labels}")
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
        """Return the values of each class, in order, as a file has them."""
        several = (value if isinstance(value, list | tuple) else (value,) for value in self.labels.values())
        return [tuple(_written(value) for value in values) for values in several]

    def ignored_values(self) -> tuple[str, ...]:
        """Return the values of rows that are left out, as a file has them."""
        return tuple(_written(value) for value in self.ignored_labels)

    def label_key(self, value: str) -> str:
        """Return what is compared of a label."""
        return value if self.exact_labels else value.strip().casefold()


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One of several corpora that a profile names (``[[corpora]]``). Without any, `CORPUS` is the one corpus.

    Attributes:
        file: its path.
        weight: what one of its rows counts in training, beside a row of weight 1.
        corpus: how it is read: a table with the settings of ``[corpus]``. Its classes are among those of the profile.
    """

    file: str
    weight: float = 1.0
    corpus: CorpusSettings = field(default_factory=CorpusSettings)

    def __post_init__(self) -> None:
        require(bool(self.file), "corpora.file: expected a path, received nothing")
        require(self.weight > 0, f"corpora.weight: expected more than 0, received {self.weight}")


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
