"""Settings: frozen dataclasses, checked when they are made, with unknown keys refused.

One section a concern; a profile (``pipelines/profiles/*.toml``) sets what differs from the defaults below, and
each artefact carries the sections it was built from.

Some defaults are rules that follow the number of rows: they stand in :mod:`sentiment.settings_by_rows`, and become
numbers once the rows are known (``for_rows``). A setting that is given wins. Every class counts the same by default
(``class_weights``): with 8,000 tweets in three classes, macro recall was seven points lower without weights, for one
point of accuracy.
"""

import dataclasses
import math
from dataclasses import dataclass, field, replace
from typing import Any

from sentiment import settings_by_rows
from sentiment.errors import SettingsError

# Words of spaCy's English stop list that stay in the text: those that tell the classes apart best in the training
# rows of Sentiment140 (by mutual information of word and label), with every negation, contrast and intensifier.
# Sparing them was worth a point of validation accuracy over sparing negations and intensifiers only.
KEPT_STOP_WORDS = (
    "'ll", "'m", "'re", "'s", "again", "against", "alone", "already", "although", "am", "any", "are", "back",
    "because", "been", "being", "but", "can", "cannot", "could", "did", "do", "does", "down", "due", "either",
    "empty", "enough", "even", "except", "get", "go", "had", "has", "have", "however", "i", "if", "is", "its",
    "last", "least", "less", "me", "more", "most", "my", "n't", "neither", "never", "no", "nobody", "none", "nor",
    "not", "nothing", "now", "nowhere", "off", "only", "out", "over", "quite", "really", "say", "seem", "serious",
    "should", "since", "so", "some", "someone", "still", "they", "this", "though", "to", "too", "until", "up",
    "very", "was", "well", "were", "why", "will", "without", "yet", "you", "your", "yourself",
)  # fmt: skip


POLARITIES = ("negative", "neutral", "positive")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    _require(value in allowed, f"{name}: expected one of {', '.join(allowed)}, received {value!r}")


def _at_least(name: str, value: float, lowest: float) -> None:
    _require(value >= lowest, f"{name}: expected at least {lowest}, received {value}")


def _fraction(name: str, value: float) -> None:
    _require(0 <= value < 1, f"{name}: expected a number from 0 up to, not including, 1, received {value}")


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """How a labelled CSV is read. The defaults are Sentiment140's format.

    Attributes:
        encoding: of the file, a Python codec name.
        repair_utf8: re-decode a text as UTF-8 where its bytes allow (Sentiment140 is UTF-8 labelled latin-1).
        format: ``csv``, ``tsv``, ``jsonl`` or ``parquet``; empty goes by the file's name, and is ``csv`` if that does
            not say. The settings above and below that speak of lines are a CSV's.
        delimiter: one character; empty finds it out, of comma, tabulator, semicolon and bar.
        header: whether the first line names the columns.
        columns: how many columns a line has; 0 takes the number from the first line.
        text_column, label_column: a name (with a header) or a position counted from 0.
        labels: class name -> value in the label column, or a list of several; the order is that of the model's
            outputs. A number needs no quotes.
        ignored_labels: values whose rows are left out and counted.
        exact_labels: compare values as they are, not trimmed and without regard to case.
        max_bad_rows: damaged rows that may be skipped (and counted) before reading fails.
        polarity: class name -> ``negative``, ``neutral`` or ``positive``, where the classes have other names than
            these, so that VADER, TextBlob and the minimal pairs can be held against the model.
    """

    encoding: str = "latin-1"
    repair_utf8: bool = True
    format: str = ""
    delimiter: str = ""
    header: bool = False
    columns: int = 6
    text_column: str | int = 5
    label_column: str | int = 0
    labels: dict[str, str | int | bool | list[str | int | bool]] = field(
        default_factory=lambda: {"negative": "0", "neutral": "2", "positive": "4"}
    )
    ignored_labels: tuple[str | int | bool, ...] = ()
    exact_labels: bool = False
    max_bad_rows: int = 0
    polarity: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            "".encode(self.encoding)
        except (LookupError, ValueError):  # the latter from codecs that are there to fail, or a name with a NUL
            raise SettingsError(f"corpus.encoding: {self.encoding!r} is not a codec that Python knows") from None
        _require(len(self.delimiter) <= 1, f"corpus.delimiter: expected one character, received {self.delimiter!r}")
        _one_of("corpus.format", self.format, ("", "csv", "tsv", "jsonl", "parquet"))
        _at_least("corpus.columns", self.columns, 0)
        _at_least("corpus.max_bad_rows", self.max_bad_rows, 0)
        _require(len(self.labels) >= 2, f"corpus.labels: expected two classes or more, received {self.labels}")
        keys = [{self.label_key(value) for value in values} for values in self.label_values()]
        _require(
            len(set().union(*keys)) == sum(map(len, keys)),
            f"corpus.labels: two classes share a value in {self.labels}",
        )
        _require(all(keys), f"corpus.labels: a class without a value in {self.labels}")
        for name in ("uncertain", "unknown"):
            _require(name not in self.labels, f"corpus.labels: {name!r} is what answers are called; name it otherwise")
        for name, column in (("text_column", self.text_column), ("label_column", self.label_column)):
            if isinstance(column, str):
                _require(self.header, f"corpus.{name}: {column!r} is a name, which needs corpus.header = true")
            else:
                _at_least(f"corpus.{name}", column, 0)
        self._check_polarity()

    def _check_polarity(self) -> None:
        for name, polarity in self.polarity.items():
            _require(name in self.labels, f"corpus.polarity: {name!r} is not among {', '.join(self.labels)}")
            _one_of(f"corpus.polarity.{name}", polarity, POLARITIES)
        meant = [self.polarity.get(name, name) for name in self.labels]
        twice = [name for name in POLARITIES if meant.count(name) > 1]
        _require(not twice, f"corpus.polarity: two classes are {''.join(twice[:1])}; expected one at most")

    def label_values(self) -> list[tuple[str, ...]]:
        """The values of each class, in order, as they are written in a file."""
        several = (value if isinstance(value, list | tuple) else (value,) for value in self.labels.values())
        return [tuple(_written(value) for value in values) for values in several]

    def ignored_values(self) -> tuple[str, ...]:
        """The values to be left out, as they are written in a file."""
        return tuple(_written(value) for value in self.ignored_labels)

    def label_key(self, value: str) -> str:
        """What is compared of a label: all of it, or what is left without white space around and without case."""
        return value if self.exact_labels else value.strip().casefold()


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One of the corpora of a profile that names several (``[[corpora]]``); none: the one corpus is `CORPUS`.

    Attributes:
        file: its path.
        weight: what a row of it counts in training beside a row of weight 1.
        corpus: how it is read, a table with the settings of ``[corpus]``, whose classes its own are among.
    """

    file: str
    weight: float = 1.0
    corpus: CorpusSettings = field(default_factory=CorpusSettings)

    def __post_init__(self) -> None:
        _require(bool(self.file), "corpora.file: expected a path, received nothing")
        _require(self.weight > 0, f"corpora.weight: expected more than 0, received {self.weight}")


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


MOST_NGRAM_BUCKETS = 1 << 20  # what hashing with 32 bits allows: sentiment.network.ngrams
BY_ROWS = -1.0  # for a setting that may be 0; every other that follows the rows does so where it is 0


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """Shares of the deduplicated rows held out; each row's side depends on a hash of its text only.

    Attributes:
        validation: share for early stopping and calibration; 0 follows the rows: 800 tweets, but at least 5% and at
            most 10% of them.
        test: share that is only scored; -1 follows the rows: 1,500 tweets, but at least 5% and at most 20%. 0 has none.
        train_rows: training rows to use, about, each class in its share; a larger number's rows include a smaller
            one's. 0 uses all.
        fold: which block of the rows is the test part, of as many as the share ``test`` makes, counted from 0: a
            cross-validation takes them in turn.
    """

    validation: float = 0.0
    test: float = -1.0
    train_rows: int = 0
    fold: int = 0

    def __post_init__(self) -> None:
        _at_least("split.train_rows", self.train_rows, 0)
        _fraction("split.validation", self.validation)
        if self.test != BY_ROWS:
            _fraction("split.test", self.test)
        _at_least("split.fold", self.fold, 0)
        _require(
            not self.fold or (self.fold + 1) * self.test < 1.001,
            f"split.fold: expected a block among {math.floor(1.001 / abs(self.test or 1))}, received {self.fold}",
        )
        _require(self.validation + self.test < 1, "split: validation and test together leave no row for training")

    def for_rows(self, rows: int) -> "SplitSettings":
        """The shares for a corpus of ``rows`` distinct tweets."""
        validation = self.validation or settings_by_rows.validation_share(rows)
        test = settings_by_rows.test_share(rows) if self.test == BY_ROWS else self.test
        return replace(self, validation=validation, test=test)


@dataclass(frozen=True, slots=True)
class PreprocessingSettings:
    """From raw text to padded ids.

    Attributes:
        skip_rules: names of normalisation rules to leave out (see :mod:`sentiment.text.normalisation`).
        lemmatise: look up each token's lemma with spaCy.
        remove_stop_words: drop the words of spaCy's English stop list, but for ``keep_words``.
        keep_words: stop words that stay.
        min_count: training occurrences a lemma needs for an id of its own; 0 follows the training rows: 1, and 2 from
            50,000 on.
        max_vocabulary: the most frequent lemmas that get one; 0 sets no limit.
        vector_words: so many words of the GloVe file, from its first (the most frequent) on, get an id whether or
            not they occur in training, each with its own vector; 0 takes none.
        max_tokens: length that rows of ids are padded, or cut at the end, to.
        padding: ``post`` (zeros behind the tokens) or ``pre``.
    """

    skip_rules: tuple[str, ...] = ()
    lemmatise: bool = True
    remove_stop_words: bool = True
    keep_words: tuple[str, ...] = KEPT_STOP_WORDS
    min_count: int = 0
    max_vocabulary: int = 0
    vector_words: int = 100_000
    max_tokens: int = 40
    padding: str = "post"

    def __post_init__(self) -> None:
        _at_least("preprocessing.min_count", self.min_count, 0)
        _at_least("preprocessing.max_vocabulary", self.max_vocabulary, 0)
        _at_least("preprocessing.vector_words", self.vector_words, 0)
        _at_least("preprocessing.max_tokens", self.max_tokens, 1)
        _one_of("preprocessing.padding", self.padding, ("post", "pre"))

    def for_rows(self, rows: int) -> "PreprocessingSettings":
        """The settings for ``rows`` training tweets."""
        return replace(self, min_count=self.min_count or settings_by_rows.min_count(rows))


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """The frozen GloVe matrix.

    Attributes:
        dimension: vector length expected of the GloVe file; 0 accepts the file's.
        member: which member of a ``.zip`` to read; empty takes the only one.
        standardise: centre and scale the found vectors, column by column.
        unknown_vectors: what a word without a vector gets: ``context`` (the mean vector of its neighbours in
            the training tweets), ``random`` (seeded normal) or ``zero``.
    """

    dimension: int = 0
    member: str = ""
    standardise: bool = True
    unknown_vectors: str = "context"

    def __post_init__(self) -> None:
        _at_least("embedding.dimension", self.dimension, 0)
        _one_of("embedding.unknown_vectors", self.unknown_vectors, ("context", "random", "zero"))


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Layers between the frozen matrix and the class probabilities.

    Attributes:
        trainable_dimension: width of a second, trainable embedding beside the frozen one; 0 has none.
        trainable_words: ids that get a trainable vector of their own, the most frequent; the others share the
            unknown token's. 0 gives one to all.
        trainable_dropout, trainable_word_dropout: rates on single values and on whole trainable vectors.
        projection: widths of the dense layers (ReLU) that every token's vector passes first; they depend on the
            token alone and so fold into a table at export.
        cell: ``simple_rnn``, ``gru`` or ``lstm``.
        units: state size, per direction.
        bidirectional: read the tweet from both ends.
        pooling: ``last`` state, or ``max``, ``mean`` or ``max_mean`` over the states of the real tokens.
        masking: skip padding; without it padding is read like a token.
        projection_dropout: rate on a token's vector, and on what each dense layer makes of it; -1 follows the training
            rows.
        feature_dropout: rate on a token's vector as the recurrence gets it.
        word_dropout: share of tokens replaced by the unknown token.
        output_dropout: rate on the pooled state.
    """

    trainable_dimension: int = 0
    trainable_words: int = 0
    trainable_dropout: float = 0.3
    trainable_word_dropout: float = 0.0
    projection: tuple[int, ...] = (512, 128)
    cell: str = "simple_rnn"
    units: int = 64
    bidirectional: bool = True
    pooling: str = "max_mean"
    masking: bool = True
    word_dropout: float = 0.0
    projection_dropout: float = BY_ROWS
    feature_dropout: float = 0.0
    output_dropout: float = 0.3

    def __post_init__(self) -> None:
        _at_least("network.trainable_dimension", self.trainable_dimension, 0)
        _at_least("network.trainable_words", self.trainable_words, 0)
        for width in self.projection:
            _at_least("network.projection", width, 1)
        _at_least("network.units", self.units, 1)
        _one_of("network.cell", self.cell, ("simple_rnn", "gru", "lstm"))
        _one_of("network.pooling", self.pooling, ("last", "max", "mean", "max_mean"))
        for name in ("word", "trainable", "trainable_word", "feature", "output"):
            _fraction(f"network.{name}_dropout", getattr(self, f"{name}_dropout"))
        if self.projection_dropout != BY_ROWS:
            _fraction("network.projection_dropout", self.projection_dropout)

    def for_rows(self, rows: int) -> "NetworkSettings":
        """The settings for ``rows`` training tweets."""
        by_rows = self.projection_dropout == BY_ROWS
        return replace(
            self, projection_dropout=settings_by_rows.projection_dropout(rows) if by_rows else self.projection_dropout
        )


# With 2, 3, 5 and 7 epochs the sample's loss falls by 5, 2.8, 0.9 and 0.4% in the last, and with 10 it ends 16, 10, 4.5
# and 2% lower. With 10 it falls by 0.03%, and with 20 it ends 0.3% lower, the mean over three seeds.
_STILL_FALLING = 0.003
_LAYER_GROUPS = ("classes", "recurrent", "projection", "trainable_embedding")  # from the output down


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Optimisation.

    Attributes:
        seed: of everything random: initialisation, order, dropout.
        epochs: at most; the learning rate falls to zero over this many, along a cosine. 0 follows the training rows:
            as many as make 500 steps, but at least 10 and at most 30.
        batch_size: tweets a step; 0 follows the training rows: the power of two nearest to twice their square root, at
            least 32 and at most 1,024.
        learning_rate: at the start, after a warm-up over the first 5% of the steps.
        weight_decay: AdamW's (Loshchilov and Hutter, 2019).
        clip_norm: largest norm of the whole gradient (Pascanu, Mikolov and Bengio, 2013).
        label_smoothing: share of a label spread over all classes.
        class_weights: ``balanced`` weighs each class by the inverse of its frequency, so that a rare one is answered
            as readily as a frequent one; ``none`` does not, which gives a better accuracy and a worse macro recall.
        contrast: contrast rows per training row, made of parts of training rows: words of clear polarity in templates
            like "not ...", which turn the label or keep it, some words in another's place, some parts unchanged; 0
            makes none. Some templates need words that ``remove_stop_words`` drops.
        phrases: weight of common English phrases and of words rated by people as further training rows, beside a
            weight of 1 for all training rows; 0 has none.
        layer_decay: share of the learning rate of the layers above that a group of layers learns at: the output layer
            at the whole rate, the recurrence at this share of it, the dense layers at its square, the trainable
            channel at its cube (Howard and Ruder, 2018, took 0.385); 1 trains all alike.
        unfreeze_epochs: epochs after which the next group joins in, from the output layer down; 0 trains all at once.
        frozen: groups that stay as they are: ``classes``, ``recurrent``, ``projection``, ``trainable_embedding``;
            of use with a parent.
        fitted_output: with a parent of other classes, the new output layer is first fitted to what the parent's states
            say of the training rows, by logistic regression (Kumar et al., 2022); false starts it at random.
        averaged_epochs: share of the epochs, the last of them, whose weights are averaged (Izmailov et al., *Averaging
            weights leads to wider optima*, 2018) and taken in the place of the best epoch's; 0 takes that, and so does
            training on top of a parent.
        averaged_runs: with a parent and at most ``cold_rows`` training rows, so many runs with seeds of their own,
            whose weights are averaged (Wortsman et al., 2022); one where ``fitted_output`` is false.
        cold_rows: with a parent and at most so many training rows, a network is trained from nothing too, and kept if
            its validation loss is lower by more than two standard errors; 0 never does.
        word_score_rows: up to so many training rows, a logistic regression on the words is fitted beside the network
            and its logits added, where the network is one of ``simple_rnn`` cells whose states are averaged; 0 never
            does. With a parent 50,000, unless it is given.
        ngram_buckets: so many buckets that single tokens, pairs and triples are hashed to, at most 1,048,576; a
            logistic regression on them is fitted beside the network and its logits added, in the share that the
            validation rows like best. 0 has none; -1 follows the training rows: 1,048,576 from 50,000 on, else none.
        patience: epochs without a lower validation loss before stopping; 0 takes a third of the epochs.
        devices: how many of this machine's share each batch, a power of two; more than one needs the JAX backend.
    """

    seed: int = 7
    epochs: int = 0
    batch_size: int = 0
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    label_smoothing: float = 0.05
    class_weights: str = "balanced"
    contrast: float = 0.0
    phrases: float = 0.0
    layer_decay: float = 1.0
    unfreeze_epochs: int = 0
    frozen: tuple[str, ...] = ()
    fitted_output: bool = True
    averaged_epochs: float = 0.0
    averaged_runs: int = 3
    cold_rows: int = 5_000
    word_score_rows: int = 0
    ngram_buckets: int = int(BY_ROWS)
    patience: int = 0
    devices: int = 1

    def __post_init__(self) -> None:
        for name in ("devices", "averaged_runs"):
            _at_least(f"training.{name}", getattr(self, name), 1)
        for name in ("epochs", "batch_size", "patience", "cold_rows", "word_score_rows"):
            _at_least(f"training.{name}", getattr(self, name), 0)
        _at_least("training.ngram_buckets", self.ngram_buckets, int(BY_ROWS))
        _require(
            self.ngram_buckets <= MOST_NGRAM_BUCKETS,
            f"training.ngram_buckets: expected at most {MOST_NGRAM_BUCKETS}, received {self.ngram_buckets}",
        )
        _at_least("training.seed", self.seed, 0)
        _require(self.learning_rate > 0, f"training.learning_rate: expected more than 0, received {self.learning_rate}")
        _require(self.clip_norm > 0, f"training.clip_norm: expected more than 0, received {self.clip_norm}")
        _at_least("training.weight_decay", self.weight_decay, 0)
        for name in ("label_smoothing", "averaged_epochs"):
            _fraction(f"training.{name}", getattr(self, name))
        _one_of("training.class_weights", self.class_weights, ("none", "balanced"))
        _at_least("training.contrast", self.contrast, 0)
        _at_least("training.phrases", self.phrases, 0)
        _require(
            0 < self.layer_decay <= 1, f"training.layer_decay: expected over 0, up to 1, received {self.layer_decay}"
        )
        _at_least("training.unfreeze_epochs", self.unfreeze_epochs, 0)
        for group in self.frozen:
            _one_of("training.frozen", group, _LAYER_GROUPS)
        _require(len({*self.frozen}) < len(_LAYER_GROUPS), "training.frozen: leaves nothing to train")

    def for_rows(self, rows: int) -> "TrainingSettings":
        """The settings for ``rows`` training tweets."""
        batch_size = self.batch_size or settings_by_rows.batch_size(rows)
        epochs = self.epochs or settings_by_rows.epochs(rows, batch_size)
        patience = self.patience or settings_by_rows.patience(epochs)
        by_rows = self.ngram_buckets == BY_ROWS
        buckets = settings_by_rows.ngram_buckets(rows) if by_rows else self.ngram_buckets
        return replace(self, epochs=epochs, batch_size=batch_size, patience=patience, ngram_buckets=buckets)

    def averaged(self, epochs: int) -> int:
        """How many of ``epochs`` are averaged, the last ones."""
        return math.ceil(self.averaged_epochs * epochs)

    def remark(self, best_epoch: int, last_fall: float) -> str:
        """What to say if the best epoch was the last that was allowed, and clearly better than the one before.

        Since the learning rate falls to zero, the last epoch is the best one mostly, by a hair.

        Args:
            best_epoch: counted from 1.
            last_fall: by what share the validation loss fell in the last epoch.
        """
        if best_epoch < self.epochs or last_fall < _STILL_FALLING:
            return ""
        return (
            f"Validation loss still fell in the last of {self.epochs} epochs: more may do better "
            f"(training.epochs={2 * self.epochs})."
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections of a profile."""

    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    preprocessing: PreprocessingSettings = field(default_factory=PreprocessingSettings)
    embedding: EmbeddingSettings = field(default_factory=EmbeddingSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    corpora: tuple[CorpusFile, ...] = ()

    def __post_init__(self) -> None:
        known = self.corpus.labels
        for each in self.corpora:
            other = [name for name in each.corpus.labels if name not in known]
            _require(
                not other,
                f"corpora: {each.file}: class {''.join(other[:1])!r} is not in corpus.labels ({', '.join(known)})",
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers, as JSON has them."""
        return dataclasses.asdict(self)

    def for_rows(self, rows: int) -> "Settings":
        """The settings for ``rows`` training tweets; the shares of the split are settled before, by all rows."""
        return replace(
            self,
            preprocessing=self.preprocessing.for_rows(rows),
            network=self.network.for_rows(rows),
            training=self.training.for_rows(rows),
        )

    def differences(self, other: "Settings") -> dict[str, Any]:
        """Dotted names, and values in ``other``, of the settings in which it differs."""
        before, after = self.to_dict(), other.to_dict()
        return {
            f"{section}.{name}": value
            for section, values in after.items()
            if isinstance(values, dict)
            for name, value in values.items()
            if before[section][name] != value
        }
