"""All settings of a profile, as frozen dataclasses that check their values.

A profile (``pipelines/profiles/*.toml``) sets the values that differ from the defaults below. Each artefact contains
the settings that it was made with.

Some defaults depend on the number of rows, because settings for 176,000 tweets do not suit 1,000 tweets. The methods
``for_rows`` compute these defaults when the rows have been counted, and never change a setting that the user has given.
The rules for these defaults were not chosen on the test tweets of docs/quality.md.
"""

import dataclasses
import math
from dataclasses import dataclass, field, replace
from typing import Any

from sentiment.corpus_settings import CorpusFile, CorpusSettings
from sentiment.settings_checks import Section, at_least, fraction, more_than, one_of, require

# Words of spaCy's English stop list that stay in the text: every negation, contrast and intensifier, and the words
# that tell the classes apart best in the training rows of Sentiment140, by mutual information of word and label.
# Keeping the latter raised validation accuracy by one point.
KEPT_STOP_WORDS = (
    "'ll", "'m", "'re", "'s", "again", "against", "alone", "already", "although", "am", "any", "are", "back",
    "because", "been", "being", "but", "can", "could", "did", "do", "does", "down", "due", "either",
    "empty", "enough", "even", "except", "get", "go", "had", "has", "have", "however", "i", "if", "is", "its",
    "last", "least", "less", "me", "more", "most", "my", "n't", "neither", "never", "no", "nobody", "none", "nor",
    "not", "nothing", "now", "nowhere", "off", "only", "out", "over", "quite", "really", "say", "seem", "serious",
    "should", "since", "so", "some", "someone", "still", "they", "this", "though", "to", "too", "until", "up",
    "very", "was", "well", "were", "why", "will", "without", "yet", "you", "your", "yourself",
)  # fmt: skip

MOST_NGRAM_BUCKETS = 1 << 20  # The hash in sentiment.network.ngrams has 32 bits, which allow no more.
BY_ROWS = -1.0  # Means "compute from the number of rows" in settings where 0 is a valid value. Elsewhere 0 means it.
_MANY_ROWS = 50_000
_FEW_ROWS = 3_000
_STEPS = 500  # a network needs a certain number of steps, not of epochs
# With 2, 3, 5, 7 and 10 epochs, the sample's validation loss fell by 5, 2.8, 0.9, 0.4 and 0.03% in the last epoch, and
# twice as many epochs lowered it by 16, 10, 4.5, 2 and 0.3%.
_STILL_FALLING = 0.003


@dataclass(frozen=True, slots=True)
class SplitSettings(Section):
    """The split of the deduplicated rows into training, validation and test, which depends on a hash of each text.

    Attributes:
        validation: share of the rows for early stopping and calibration. 0 means 800 tweets, but at least 5% and at
            most 10% of the rows.
        test: share of the rows for the test; 0 means no test part. -1 means 1,500 tweets, but at least 5% and at most
            20% of the rows.
        train_rows: approximate size of a stratified sample of the training rows to use; 0 means all rows. A larger
            sample contains the rows of every smaller sample.
        fold: the block of rows that is the test part, counted from 0. There are 1 / ``test`` blocks, and a
            cross-validation uses each block once.
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
        """Return these settings with the shares computed for a corpus of ``rows`` distinct tweets.

        A larger share of a small corpus is held out, because a held-out part must be large enough to tell models apart.
        """
        validation = self.validation or round(_between(0.05, 800 / max(1, rows), 0.1), 3)
        by_rows = round(_between(0.05, 1500 / max(1, rows), 0.2), 3)
        return replace(self, validation=validation, test=by_rows if self.test == BY_ROWS else self.test)


@dataclass(frozen=True, slots=True)
class PreprocessingSettings(Section):
    """How raw text becomes padded rows of ids.

    Attributes:
        lemmatise: replace each token by its lemma, from spaCy's lookup table.
        remove_stop_words: drop the words of spaCy's English stop list, except ``keep_words``.
        keep_words: stop words that are not dropped.
        min_count: number of times that a lemma must occur in training to get its own id. 0 means 1 below 50,000
            training rows, else 2.
        max_vocabulary: largest number of lemmas that get an id, the most frequent first; 0 means no limit.
        vector_words: number of the most frequent words in the GloVe file that get an id and their vector even if
            they do not occur in training; 0 means none.
        max_tokens: length of a row of ids. Longer tweets are cut at the end.
    """

    lemmatise: bool = True
    remove_stop_words: bool = True
    keep_words: tuple[str, ...] = KEPT_STOP_WORDS
    min_count: int = at_least(0, 0)
    max_vocabulary: int = at_least(0, 0)
    vector_words: int = at_least(0, 20_000)
    max_tokens: int = at_least(1, 40)

    def for_rows(self, rows: int) -> "PreprocessingSettings":
        """Return these settings with ``min_count`` computed for ``rows`` training tweets.

        In a small corpus a word that occurs once gets an id, because its vector is frozen and need not be learned. In a
        large corpus such a word is mostly a typing error.
        """
        return replace(self, min_count=self.min_count or (1 if rows < _MANY_ROWS else 2))


@dataclass(frozen=True, slots=True)
class EmbeddingSettings(Section):
    """The frozen GloVe matrix, whose columns are centred and scaled.

    Attributes:
        dimension: required length of the vectors in the GloVe file; 0 means any length.
        member: name of the file inside a ``.zip``. If empty, the archive's only file is read.
    """

    dimension: int = at_least(0, 0)
    member: str = ""


@dataclass(frozen=True, slots=True)
class NetworkSettings(Section):
    """The layers between the frozen GloVe matrix and the class probabilities.

    Attributes:
        trainable_dimension: width of a second, trainable embedding beside the frozen one; 0 means none.
        trainable_words: number of ids, the most frequent first, that get their own trainable vector. All other ids
            share the vector of the unknown token. 0 gives every id its own vector.
        trainable_dropout, trainable_word_dropout: dropout rates on single values and on whole vectors of the trainable
            embedding.
        projection: widths of the dense ReLU layers that the vector of each token passes first. The output of these
            layers depends only on the token, so the export stores a table of it.
        cell: recurrent cell: ``simple_rnn``, ``gru`` or ``lstm``.
        units: size of the recurrent state, per direction.
        activation: activation function of the state: ``tanh`` or ``softsign``. Softsign (Bergstra et al., 2009) takes a
            fifth of the time of tanh if NumPy cannot use AVX-512. On the sample corpus with three seeds, neither was
            clearly more accurate.
        bidirectional: read the tweet in both directions.
        pooling: ``last`` uses the last state. ``max``, ``mean`` and ``max_mean`` pool the states of all tokens except
            padding.
        word_dropout: share of the tokens that training replaces by the unknown token.
        projection_dropout: dropout rate on the vector of a token and after each dense layer. -1 means 0.3 below 3,000
            training rows, else 0.
        feature_dropout: dropout rate on the input of the recurrent layer.
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
    word_dropout: float = fraction(0.0)
    projection_dropout: float = fraction(BY_ROWS, also=BY_ROWS)
    feature_dropout: float = fraction(0.0)
    output_dropout: float = fraction(0.3)

    def for_rows(self, rows: int) -> "NetworkSettings":
        """Return these settings with ``projection_dropout`` computed for ``rows`` training tweets.

        With 700 tweets in three classes, macro recall was 56.9% with dropout and 53.8% without. With 5,600 tweets
        dropout made no difference.
        """
        by_rows = 0.3 if rows < _FEW_ROWS else 0.0
        return replace(self, projection_dropout=by_rows) if self.projection_dropout == BY_ROWS else self


@dataclass(frozen=True, slots=True)
class TrainingSettings(Section):
    """How the network is trained.

    Attributes:
        seed: seed of all random numbers: initial weights, order of the rows, dropout.
        epochs: largest number of epochs, over which the learning rate falls to zero (cosine decay). 0 means enough
            epochs for 500 steps, but at least 10 and at most 30.
        batch_size: tweets per step. 0 means the power of two nearest to twice the square root of the number of training
            rows, but at least 32 and at most 1,024.
        learning_rate: learning rate after a warm-up over the first 5% of the steps. When training starts from a
            base model, the default is 0.001.
        clip_norm: largest norm of the whole gradient (Pascanu, Mikolov and Bengio, 2013).
        label_smoothing: share of each label that is spread evenly over all classes.
        class_weights: ``balanced`` weights each class by the inverse of its frequency. These weights raise macro
            recall, most of all the recall of rare classes, and lower accuracy. ``none`` weights all rows equally.
        contrast: total weight of the contrast rows, relative to all training rows together; 0 means none. A contrast
            row puts words of clear polarity from a training row into a template such as "not ...", which reverses or
            keeps the label. Some templates need words that ``remove_stop_words`` drops.
        phrases: total weight of further training rows (common English phrases, and words rated by people), relative
            to all training rows together; 0 means none.
        averaged_epochs: share of the epochs, counted from the last, whose weights are averaged (Izmailov et al., 2018).
            0 means the weights of the best epoch, which training from a base model always uses.
        ngram_buckets: number of hash buckets for single tokens, pairs and triples, at most 1,048,576. A logistic
            regression on the buckets adds its logits to those of the network, with a factor chosen on the validation
            rows. 0 means no such regression. -1 means 1,048,576 from 50,000 training rows on, else 0.
        patience: number of epochs without a lower validation loss after which training stops; 0 means a third of the
            epochs, but at least 3.
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
        """Return these settings with all defaults computed that depend on ``rows``, the number of training tweets.

        N-grams get scores from 50,000 rows on, because their gain rises with the number of rows. On Sentiment140, they
        lower the validation log loss by 1.8% with 20,000 rows, 2.4% with 60,000 rows and 3% with 176,000 rows.
        """
        nearest = 2 ** round(math.log2(2 * math.sqrt(max(1, rows))))
        batch_size = self.batch_size or int(_between(32, nearest, 1024))
        steps = max(1, -(-rows // batch_size))
        epochs = self.epochs or int(_between(10, math.ceil(_STEPS / steps), 30))
        patience = self.patience or max(3, epochs // 3)
        by_rows = 0 if rows < _MANY_ROWS else MOST_NGRAM_BUCKETS
        buckets = by_rows if self.ngram_buckets == BY_ROWS else self.ngram_buckets
        return replace(self, epochs=epochs, batch_size=batch_size, patience=patience, ngram_buckets=buckets)

    def averaged(self, epochs: int) -> int:
        """Return from how many of the last epochs the weights are averaged, if training takes ``epochs`` epochs."""
        return math.ceil(self.averaged_epochs * epochs)


@dataclass(frozen=True, slots=True)
class ExportSettings(Section):
    """The export of a model as SavedModel, LiteRT and NumPy files.

    Attributes:
        table: number type of the tables in all exported files: ``int8`` with float32 scales, or ``float32``, which
            takes four times the space.
    """

    table: str = one_of("int8", "float32", default="int8")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a profile, by section."""

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
        """Return the settings as nested dictionaries that JSON can store."""
        return dataclasses.asdict(self)

    def for_rows(self, rows: int) -> "Settings":
        """Return these settings with all defaults computed that depend on the number of training ``rows``."""
        return replace(
            self,
            preprocessing=self.preprocessing.for_rows(rows),
            network=self.network.for_rows(rows),
            training=self.training.for_rows(rows),
        )

    def differences(self, other: "Settings") -> dict[str, Any]:
        """Return the dotted names of the settings that differ, with their values in ``other``.

        The ``corpora`` have no such names, and are not compared.
        """
        before, after = self.to_dict(), other.to_dict()
        return {
            f"{section}.{name}": value
            for section, values in after.items()
            if isinstance(values, dict)
            for name, value in values.items()
            if before[section][name] != value
        }


def still_falling(epochs: int, best_epoch: int, last_fall: float) -> str:
    """Return a remark if the last of ``epochs`` was clearly the best, so that more may help; else an empty string.

    ``best_epoch`` counts from 1. ``last_fall`` is the share by which the validation loss fell in the last epoch. It is
    usually close to 0, because the learning rate falls to zero.
    """
    if best_epoch < epochs or last_fall < _STILL_FALLING:
        return ""
    return (
        f"Validation loss still fell in the last of {epochs} epochs: more may do better (training.epochs={2 * epochs})."
    )


def _between(lowest: float, value: float, highest: float) -> float:
    return max(lowest, min(highest, value))
