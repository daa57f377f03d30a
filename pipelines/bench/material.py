"""What a benchmark's contenders are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_part
from pipelines.shared.corpus_files import profile_and_path, read_corpus
from sentiment.errors import InputError

if TYPE_CHECKING:
    import keras

    from sentiment.data.encoded import EncodedPart
    from sentiment.predict.classifier import SentimentClassifier
    from sentiment.settings import Settings

TRAINING_ROWS = 16_384


class Contender(NamedTuple):
    """Something to run, and how many tweets it handles then."""

    run: Callable[[], Any]
    tweets: int


@dataclass(frozen=True)
class Material:
    """What contenders are made from.

    Attributes:
        places: the profile's files.
        rows: texts, at most.
        few: of them, for the slow ones.
        tweets: the texts' file, in Sentiment140's format, or ``profile:file`` in another's; the profile's own if empty.
        answered_by: a model's folder; the profile's own if empty.
    """

    places: stage.Places
    rows: int
    few: int
    tweets: str = ""
    answered_by: str = ""

    @property
    def folder(self) -> Path:
        """The model's."""
        return Path(self.answered_by) if self.answered_by else self.places.model

    @cached_property
    def texts(self) -> list[str]:
        """Raw tweets.

        Raises:
            InputError: there are none.
        """
        import pyarrow.parquet as pq

        if self.tweets:
            return _tweets_of(self.tweets, self.rows)
        tweets = publishing.require(self.places.interim / "tweets.parquet")
        return pq.read_table(tweets, columns=["text"]).column("text").slice(0, self.rows).to_pylist()

    @cached_property
    def model(self) -> "SentimentClassifier":
        """The light form."""
        import sentiment

        return sentiment.load(self.folder)

    @cached_property
    def settings(self) -> "Settings":
        """Those the model was trained with."""
        from sentiment.common.plain_data import from_dict
        from sentiment.settings import Settings

        return from_dict(Settings, publishing.read_json(self.places.model / "settings.json"))

    @cached_property
    def part(self) -> "EncodedPart":
        """Training rows."""
        from sentiment.data.encoded import spread

        return spread(read_part(self.places.processed, "train"), TRAINING_ROWS)

    def network(self) -> "keras.Model":
        """A fresh network; each has the same weights."""
        import keras
        import numpy as np

        from sentiment.network.keras_network import build_network

        keras.utils.set_random_seed(self.settings.training.seed)
        matrix = np.load(self.places.processed / "embedding_matrix.npy")
        return build_network(matrix, self.settings.network, len(self.model.classes_))


def _tweets_of(given: str, rows: int) -> list[str]:
    profile, path = profile_and_path(given, stage.read_profile("sentiment140"))
    settings = stage.make_settings({"corpus": profile.get("corpus", {})}, []).corpus
    texts = [text for text, _ in read_corpus(path, settings, "--tweets")][:rows]
    if not texts:
        raise InputError(f"{path}: expected tweets to measure on, received none")
    return texts
