"""What scikit-learn expects of a fitted estimator, without importing scikit-learn."""

import sys
from typing import Any, Self

import numpy as np

from sentiment.errors import InputError
from sentiment.text.inputs import as_sequence, is_arrow, is_missing


class FittedEstimator:
    """A trained classifier as a step of scikit-learn's pipelines, scorers and wrappers; it cannot be fitted again.

    The class that derives from it has ``predict(texts)`` and ``classes_``. It has no parameters and never changes, so
    it is its own clone.
    """

    _estimator_type = "classifier"
    classes_: np.ndarray

    def fit(self, texts: Any, labels: Any = None) -> Self:
        """Refuse to train, because the stages of the pipeline do that.

        Raises:
            InputError: always.
        """
        raise InputError(
            "this model is trained already and cannot be fitted here (`make train` trains one); "
            "where fit must be called, wrap it in sklearn.frozen.FrozenEstimator"
        )

    def predict(self, texts: Any) -> np.ndarray:
        """Return the class of each text."""
        raise NotImplementedError

    def score(self, texts: Any, labels: Any) -> float:
        """Return the share of ``texts`` ``(n,)`` that get the class in ``labels`` ``(n,)``.

        Raises:
            InputError: as ``predict``, or ``labels`` are not ``n`` classes, at least one of the model's among them.
        """
        texts = as_sequence(texts)
        wanted = self._labels(labels, len(texts))
        return float(np.mean(self.predict(texts) == wanted))

    def _labels(self, labels: Any, count: int) -> np.ndarray:
        if isinstance(labels, str | bytes):
            raise InputError("expected a list of labels, received a single one: put it in a list")
        given = as_sequence(labels)
        given = given.to_pylist() if is_arrow(given) else given
        if len(given) != count or not given:
            raise InputError(f"expected a label for each of {count} texts, one at least; received {len(given)} labels")
        missing = [i for i, label in enumerate(given) if is_missing(label)]
        if missing:
            raise InputError(f"label {missing[0]} is missing: leave its text out")
        classes = self.classes_.tolist()
        spellings = {name.strip().casefold(): name for name in classes}  # training compares labels in this way too
        names = [spellings.get(str(label).strip().casefold(), str(label)) for label in given]
        if not {*names} & {*classes}:
            received = ", ".join(sorted({*names}))[:100]
            raise InputError(f"expected labels among {', '.join(classes)}, received {received}: rename them")
        return np.array(names)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return no parameters, because a trained model has none."""
        return {}

    def set_params(self, **parameters: Any) -> Self:
        """Accept no parameter.

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
        """Return the tags that scikit-learn asks for; it is loaded when it asks, so their classes come from it."""
        kinds = sys.modules["sklearn.utils"]
        return kinds.Tags(
            estimator_type="classifier",
            target_tags=kinds.TargetTags(required=False),
            classifier_tags=kinds.ClassifierTags(),
            input_tags=kinds.InputTags(two_d_array=False, string=True),
        )
