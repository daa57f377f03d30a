"""All settings of a profile, as frozen dataclasses that check themselves and refuse unknown names.

A profile (``pipelines/profiles/*.toml``) sets what differs from the defaults below. Each artefact carries the settings
that it was made with.

Some defaults follow the number of rows. Their rules are in :mod:`sentiment.settings_by_rows`, and ``for_rows``
replaces them by numbers as soon as the rows are counted. A setting that a profile or a command names is never replaced.
"""

import dataclasses
import math
from dataclasses import dataclass, field, replace
from typing import Any

from sentiment import settings_by_rows
from sentiment.corpus_settings import CorpusFile, CorpusSettings
from sentiment.settings_checks import Section, at_least, fraction, more_than, one_of, require

# Words of spaCy's English stop list that stay in the text: every negation, contrast and intensifier, and the words
# that tell the classes apart best in the training rows of Sentiment140, by mutual information of word and label.
# Keeping the latter raised validation accuracy by one point.
KEPT_STOP_WORDS = (
    "'ll", "'m", "'re", "'s", "again", "against", "alone", "already", "although", "am", "any", "are", "back",
    "because", "been", "being", "but", "can", "cannot", "could", "did", "do", "does", "down", "due", "either",
    "empty", "enough", "even", "except", "get", "go", "had", "has", "have", "however", "i", "if", "is", "its",
    "last", "least", "less", "me", "more", "most", "my", "n't", "neither", "never", "no", "nobody", "none", "nor",
    "not", "nothing", "now", "nowhere", "off", "only", "out", "over", "quite", "really", "say", "seem", "serious",
    "should", "since", "so", "some", "someone", "still", "they", "this", "though", "to", "too", "until", "up",
    "very", "was", "well", "were", "why", "will", "without", "yet", "you", "your", "yourself",
)  # fmt: skip

MOST_NGRAM_BUCKETS = 1 << 20  # The hash in sentiment.network.ngrams has 32 bits, which allow no more.
BY_ROWS = -1.0  # Marks a setting that follows the rows and that may be 0; every other such setting is marked by 0.


@dataclass(frozen=True, slots=True)
class SplitSettings(Section):
    """Shares of the deduplicated rows that are held out. The part of a row depends on a hash of its text only.

    Attributes:
        validation: share for early stopping and calibration. 0 follows the rows: 800 tweets, but at least 5% and at
            most 10% of them.
        test: share that is only scored; 0 has none. -1 follows the rows: 1,500 tweets, but at least 5% and at most 20%.
        train_rows: approximate number of training rows to use, with the share of each class unchanged. The rows of a
            smaller number are among those of a larger one. 0 uses all.
        fold: which block of the rows is the test part, counted from 0. There are 1 / ``test`` blocks, and a
            cross-validation takes one after the other.
    """

    validation: float = fraction(0.0)
    test: float = fraction(BY_ROWS, also=BY_ROWS)
    train_rows: int = at_least(0, 0)
    fold: int = at_least(0, 0)

    def __post_init__(self) -> None:
        Section.__post_init__(self)
        require(
            not self.fold or (self.fold + 1) * self.test < 1.001,
            f"split.fold: expected a block among {math.floor(1.001 / abs(self.test or 1))}, received {self.fold}",
        )
        require(self.validation + self.test < 1, "split: validation and test together leave no row for training")

    def for_rows(self, rows: int) -> "SplitSettings":
        """Return the shares for a corpus of ``rows`` distinct tweets."""
        validation = self.validation or settings_by_rows.validation_share(rows)
        test = settings_by_rows.test_share(rows) if self.test == BY_ROWS else self.test
        return replace(self, validation=validation, test=test)


@dataclass(frozen=True, slots=True)
class PreprocessingSettings(Section):
    """How raw text becomes padded rows of ids.

    Attributes:
        lemmatise: replace each token by its lemma, which spaCy looks up.
        remove_stop_words: drop the words of spaCy's English stop list, except ``keep_words``.
        keep_words: stop words that stay.
        min_count: how often a lemma must occur in training to get an id of its own. 0 follows the training rows: 1,
            and 2 from 50,000 rows on.
        max_vocabulary: how many lemmas get an id, the most frequent first; 0 sets no limit.
        vector_words: how many words of the GloVe file, from its first and most frequent one on, get an id and their
            vector although they may not occur in training; 0 takes none.
        max_tokens: length of a row of ids. Longer rows are cut at the end.
        padding: ``post`` puts zeros after the tokens, ``pre`` before them.
    """

    lemmatise: bool = True
    remove_stop_words: bool = True
    keep_words: tuple[str, ...] = KEPT_STOP_WORDS
    min_count: int = at_least(0, 0)
    max_vocabulary: int = at_least(0, 0)
    vector_words: int = at_least(0, 20_000)
    max_tokens: int = at_least(1, 40)
    padding: str = one_of("post", "pre", default="post")

    def for_rows(self, rows: int) -> "PreprocessingSettings":
        """Return the settings for ``rows`` training tweets."""
        return replace(self, min_count=self.min_count or settings_by_rows.min_count(rows))


@dataclass(frozen=True, slots=True)
class EmbeddingSettings(Section):
    """The frozen GloVe matrix, whose columns are centred and scaled.

    Attributes:
        dimension: length of the vectors that the GloVe file must have; 0 accepts any.
        member: name of the file inside a ``.zip``. Empty takes the only one.
    """

    dimension: int = at_least(0, 0)
    member: str = ""


@dataclass(frozen=True, slots=True)
class NetworkSettings(Section):
    """The layers between the frozen matrix and the class probabilities.

    Attributes:
        trainable_dimension: width of a second, trainable embedding beside the frozen one; 0 has none.
        trainable_words: how many ids, the most frequent first, get a trainable vector of their own. The others share
            that of the unknown token. 0 gives one to all.
        trainable_dropout, trainable_word_dropout: dropout rates on single numbers and on whole trainable vectors.
        projection: widths of the dense ReLU layers that the vector of each token passes first. They depend on the token
            alone, so they become part of one table at export.
        cell: ``simple_rnn``, ``gru`` or ``lstm``.
        units: size of the state, per direction.
        activation: activation function of the state, as Keras defines it: ``tanh`` or ``softsign``. Softsign (Bergstra
            et al., 2009) takes a fifth of the time of tanh where NumPy has no AVX-512. Over three seeds of the sample
            neither was clearly better.
        bidirectional: read the tweet from both ends.
        pooling: the ``last`` state, or ``max``, ``mean`` or ``max_mean`` over the states of the real tokens.
        masking: skip padding. Without it padding is read like a token.
        word_dropout: share of the tokens that training replaces by the unknown token.
        projection_dropout: dropout rate on the vector of a token and after each dense layer. -1 follows the training
            rows.
        feature_dropout: dropout rate on what the recurrence gets of each token.
        output_dropout: dropout rate on the pooled state.
    """

    trainable_dimension: int = at_least(0, 0)
    trainable_words: int = at_least(0, 0)
    trainable_dropout: float = fraction(0.3)
    trainable_word_dropout: float = fraction(0.0)
    projection: tuple[int, ...] = at_least(1, (512, 128))
    cell: str = one_of("simple_rnn", "gru", "lstm", default="simple_rnn")
    units: int = at_least(1, 64)
    activation: str = one_of("tanh", "softsign", default="softsign")
    bidirectional: bool = True
    pooling: str = one_of("last", "max", "mean", "max_mean", default="max_mean")
    masking: bool = True
    word_dropout: float = fraction(0.0)
    projection_dropout: float = fraction(BY_ROWS, also=BY_ROWS)
    feature_dropout: float = fraction(0.0)
    output_dropout: float = fraction(0.3)

    def for_rows(self, rows: int) -> "NetworkSettings":
        """Return the settings for ``rows`` training tweets."""
        if self.projection_dropout != BY_ROWS:
            return self
        return replace(self, projection_dropout=settings_by_rows.projection_dropout(rows))


@dataclass(frozen=True, slots=True)
class TrainingSettings(Section):
    """How the network is trained.

    Attributes:
        seed: seed of everything random: initial weights, order of the rows, dropout.
        epochs: largest number of epochs. The learning rate falls to zero over them along a cosine. 0 follows the
            training rows: as many epochs as make 500 steps, but at least 10 and at most 30.
        batch_size: tweets per step. 0 follows the training rows: the power of two nearest to twice their square root,
            at least 32 and at most 1,024.
        learning_rate: after a warm-up over the first 5% of the steps. On top of a base model it is 0.001 unless it is
            given.
        clip_norm: largest norm of the whole gradient (Pascanu, Mikolov and Bengio, 2013).
        label_smoothing: share of a label that is spread over all classes.
        class_weights: ``balanced`` weighs each class by the inverse of its frequency, which raises macro recall, the
            rare classes most, and lowers accuracy. ``none`` counts every row the same.
        contrast: weight of contrast rows, where all training rows together weigh 1; 0 makes none. They are parts of
            training rows: words of clear polarity in templates like "not ...", which turn the label or keep it. Some
            templates need words that ``remove_stop_words`` drops.
        phrases: weight of further training rows, common English phrases and words rated by people, where all training
            rows together weigh 1; 0 has none.
        averaged_epochs: share of the epochs, counted from the last, whose weights are averaged and used instead of
            those of the best epoch (Izmailov et al., 2018). 0 uses the best epoch. On top of a base model it is not
            used.
        ngram_buckets: number of buckets, at most 1,048,576, that single tokens, pairs and triples are hashed to. A
            logistic regression on them is fitted and its logits are added to the network's, in the share that the
            validation rows prefer. 0 has none. -1 follows the training rows: 1,048,576 from 50,000 rows on, and none
            below.
        patience: epochs without a lower validation loss after which training stops; 0 takes a third of the epochs.
    """

    seed: int = at_least(0, 7)
    epochs: int = at_least(0, 0)
    batch_size: int = at_least(0, 0)
    learning_rate: float = more_than(0, 2e-3)
    clip_norm: float = more_than(0, 1.0)
    label_smoothing: float = fraction(0.05)
    class_weights: str = one_of("none", "balanced", default="balanced")
    contrast: float = at_least(0, 0.0)
    phrases: float = at_least(0, 0.0)
    averaged_epochs: float = fraction(0.0)
    ngram_buckets: int = at_least(int(BY_ROWS), int(BY_ROWS))
    patience: int = at_least(0, 0)

    def __post_init__(self) -> None:
        Section.__post_init__(self)
        require(
            self.ngram_buckets <= MOST_NGRAM_BUCKETS,
            f"training.ngram_buckets: expected at most {MOST_NGRAM_BUCKETS}, received {self.ngram_buckets}",
        )

    def for_rows(self, rows: int) -> "TrainingSettings":
        """Return the settings for ``rows`` training tweets."""
        batch_size = self.batch_size or settings_by_rows.batch_size(rows)
        epochs = self.epochs or settings_by_rows.epochs(rows, batch_size)
        patience = self.patience or settings_by_rows.patience(epochs)
        by_rows = self.ngram_buckets == BY_ROWS
        buckets = settings_by_rows.ngram_buckets(rows) if by_rows else self.ngram_buckets
        return replace(self, epochs=epochs, batch_size=batch_size, patience=patience, ngram_buckets=buckets)

    def averaged(self, epochs: int) -> int:
        """Return how many of the last ``epochs`` are averaged."""
        return math.ceil(self.averaged_epochs * epochs)


@dataclass(frozen=True, slots=True)
class ExportSettings(Section):
    """The forms of a model.

    Attributes:
        table: numbers of the tables that all forms share: ``int8`` with a float32 scale per row, or ``float32``, which
            takes four times the space.
    """

    table: str = one_of("int8", "float32", default="int8")


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections of a profile."""

    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    preprocessing: PreprocessingSettings = field(default_factory=PreprocessingSettings)
    embedding: EmbeddingSettings = field(default_factory=EmbeddingSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    export: ExportSettings = field(default_factory=ExportSettings)
    corpora: tuple[CorpusFile, ...] = ()

    def __post_init__(self) -> None:
        known = self.corpus.labels
        for each in self.corpora:
            other = [name for name in each.corpus.labels if name not in known]
            require(
                not other,
                f"corpora: {each.file}: class {''.join(other[:1])!r} is not in corpus.labels ({', '.join(known)})",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers, as JSON has them."""
        return dataclasses.asdict(self)

    def for_rows(self, rows: int) -> "Settings":
        """Return the settings for ``rows`` training tweets. The split depends on the number of all rows and stays."""
        return replace(
            self,
            preprocessing=self.preprocessing.for_rows(rows),
            network=self.network.for_rows(rows),
            training=self.training.for_rows(rows),
        )

    def differences(self, other: "Settings") -> dict[str, Any]:
        """Return the dotted names of the settings that differ, with their values in ``other``."""
        before, after = self.to_dict(), other.to_dict()
        return {
            f"{section}.{name}": value
            for section, values in after.items()
            if isinstance(values, dict)
            for name, value in values.items()
            if before[section][name] != value
        }
