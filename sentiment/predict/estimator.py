"""What scikit-learn expects of a fitted estimator, without importing scikit-learn."""

import sys
from typing import Any, Self

import numpy as np

from sentiment.errors import InputError


class FittedEstimator:
    """A trained classifier as a step of scikit-learn's pipelines, scorers and wrappers; it cannot be fitted again.

    The class that derives from it has ``predict(texts)`` and ``classes_``. It has no parameters and never changes, so
    it is its own clone.
    """

    _estimator_type = "classifier"

    def fit(self, texts: Any, labels: Any = None) -> Self:
        """Refuse: training is the pipeline's work.

        Raises:
            InputError: always.
        """
        raise InputError(
            "this model is trained already and cannot be fitted here (`make train` trains one); "
            "where fit must be called, wrap it in sklearn.frozen.FrozenEstimator"
        )

    def predict(self, texts: Any) -> np.ndarray:
        """The class of each text."""
        raise NotImplementedError

    def score(self, texts: Any, labels: Any) -> float:
        """Share of ``texts`` ``(n,)`` that get the class in ``labels`` ``(n,)``."""
        return float(np.mean(self.predict(texts) == np.asarray(labels)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """No parameters: what a trained model does is settled."""
        return {}

    def set_params(self, **parameters: Any) -> Self:
        """Nothing to set.

        Raises:
            InputError: a parameter is given.
        """
        if parameters:
            raise InputError(f"a trained model has no parameters, received {', '.join(parameters)}; train another")
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks, so that it has loaded the classes of the answer itself."""
        kinds = sys.modules["sklearn.utils"]
        return kinds.Tags(
            estimator_type="classifier",
            target_tags=kinds.TargetTags(required=False),
            classifier_tags=kinds.ClassifierTags(),
            input_tags=kinds.InputTags(two_d_array=False, string=True),
        )
