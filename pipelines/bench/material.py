"""The tweets, ids and models that the benchmark's contenders are made from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.shared import publishing, stage
from pipelines.shared.artefacts import read_part, read_split
from pipelines.shared.corpus_files import profile_and_path, read_corpus
from sentiment.errors import InputError

if TYPE_CHECKING:
    import keras

    from sentiment.data.corpus import LabelledTexts
    from sentiment.data.encoded import EncodedPart
    from sentiment.predict.classifier import SentimentClassifier
    from sentiment.settings import Settings

TRAINING_ROWS = 16_384


@dataclass(frozen=True)
class Material:
    """What contenders are made from.

    Attributes:
        root, profile: where the files of the profile are.
        rows: the number of tweets to measure on, at most.
        tweets: a file of tweets as `make bench TWEETS=` takes it; empty for those of the profile.
        answered_by: the folder of the model that answers; empty for that of the profile.
    """

    root: str
    profile: str
    rows: int
    tweets: str = ""
    answered_by: str = ""

    @property
    def places(self) -> stage.Places:
        """Return the folders of the profile."""
        return stage.Places(Path(self.root), self.profile)

    @property
    def folder(self) -> Path:
        """Return the folder of the model that answers."""
        return Path(self.answered_by) if self.answered_by else self.places.model

    @cached_property
    def texts(self) -> list[str]:
        """Return the raw tweets.

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
        """Return the model for NumPy inference."""
        import sentiment

        return sentiment.load(self.folder)

    @cached_property
    def settings(self) -> "Settings":
        """Return the settings that the model of the profile was trained with."""
        from sentiment.common.plain_data import from_dict
        from sentiment.settings import Settings

        return from_dict(Settings, publishing.read_json(self.places.model / "settings.json"))

    @cached_property
    def part(self) -> "EncodedPart":
        """Return ids and labels of training rows, ``TRAINING_ROWS`` of them."""
        from sentiment.data.encoded import spread

        return spread(read_part(self.places.processed, "train"), TRAINING_ROWS)

    def split(self, part: str) -> "LabelledTexts":
        """Return texts and labels of a part of the corpus."""
        return read_split(self.places.interim, part)

    def network(self) -> "keras.Model":
        """Return a fresh network; each call gives the same weights."""
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
