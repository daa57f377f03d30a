"""The tweets, ids and models that the benchmark gives to its contenders."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.shared import profiles, publishing, stage
from pipelines.shared.artefacts import read_part, read_split
from pipelines.shared.profiles import profile_and_path, read_corpus
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
    """The input of the contenders.

    Attributes:
        root, profile: the root folder and the name of the profile, which locate its files.
        rows: the largest number of tweets to measure on.
        tweets: the file of tweets that `make bench TWEETS=` names; if empty, the profile's tweets are used.
        answered_by: the folder of the model to measure; if empty, the profile's model is used.
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
        """Return the folder of the model to measure."""
        return Path(self.answered_by) if self.answered_by else self.places.model

    @cached_property
    def texts(self) -> list[str]:
        """Return the raw tweets.

        Raises:
            InputError: the file contains no tweets.
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
        """Return the settings that the profile's model was trained with."""
        from sentiment.settings import Settings
        from sentiment.settings_checks import from_dict

        return from_dict(Settings, publishing.read_json(self.places.model / "settings.json"))

    @cached_property
    def part(self) -> "EncodedPart":
        """Return the ids and labels of ``TRAINING_ROWS`` training rows."""
        from sentiment.data.encoded import spread

        return spread(read_part(self.places.processed, "train"), TRAINING_ROWS)

    def split(self, part: str) -> "LabelledTexts":
        """Return the texts and labels of a part of the corpus (train, validation or test)."""
        return read_split(self.places.interim, part)

    def network(self) -> "keras.Model":
        """Return an untrained network. Every call returns the same initial weights."""
        import keras
        import numpy as np

        from sentiment.network.keras_network import build_network

        keras.utils.set_random_seed(self.settings.training.seed)
        matrix = np.load(self.places.processed / "embedding_matrix.npy")
        return build_network(matrix, self.settings.network, len(self.model.classes_))


def _tweets_of(given: str, rows: int) -> list[str]:
    profile, path = profile_and_path(given, profiles.read_profile("sentiment140"))
    settings = profiles.make_settings({"corpus": profile.get("corpus", {})}, []).corpus
    texts = [text for text, _ in read_corpus(path, settings, "--tweets")][:rows]
    if not texts:
        raise InputError(f"{path}: expected tweets to measure on, received none")
    return texts
