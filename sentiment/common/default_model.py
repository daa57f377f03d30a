"""Which model is meant where none is named."""

import os

VARIABLE = "SENTIMENT_MODEL"
LATEST = "models/latest"


def default_model() -> str:
    """The folder in the environment variable ``SENTIMENT_MODEL``, or ``models/latest``, which follows the training."""
    return os.environ.get(VARIABLE) or LATEST
