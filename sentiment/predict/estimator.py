"""The methods that scikit-learn expects of a fitted estimator, without importing scikit-learn."""

import sys
from typing import Any, Self

import numpy as np

from sentiment.errors import InputError
from sentiment.text.inputs import as_sequence, is_arrow, is_missing


class FittedEstimator:
    """A base class that makes a trained classifier usable in scikit-learn's pipelines, scorers and wrappers.

    A subclass defines ``predict(texts)`` and ``classes_``. The classifier cannot be fitted again and has no parameters.
    It never changes, so scikit-learn's ``clone`` returns the object itself.
    """

    _estimator_type = "classifier"
    classes_: np.ndarray

    def fit(self, texts: Any, labels: Any = None) -> Self:
        """Raise an `InputError`, because only the stages of the pipeline can train a model."""
        raise InputError(
            "this model is trained already and cannot be fitted here (`make train` trains one); "
            "where fit must be called, wrap it in sklearn.frozen.FrozenEstimator"
        )

    def predict(self, texts: Any) -> np.ndarray:
        """Return the class of each text, str ``(n,)``."""
        raise NotImplementedError

    def score(self, texts: Any, labels: Any) -> float:
        """Return the accuracy: the share of ``texts`` ``(n,)`` whose predicted class is the one in ``labels`` ``(n,)``.

        Raises:
            InputError: a text is not valid, a label is missing, there are not ``n`` labels, or no label is a class.
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
        """Return an empty dict, because a trained model has no parameters."""
        return {}

    def set_params(self, **parameters: Any) -> Self:
        """Return the classifier itself. It has no parameters, so a parameter raises an `InputError`."""
        if parameters:
            raise InputError(f"a trained model has no parameters, received {', '.join(parameters)}; train another")
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Self:
        return self

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags. It is imported already, because only scikit-learn calls this method."""
        kinds = sys.modules["sklearn.utils"]
        return kinds.Tags(
            estimator_type="classifier",
            target_tags=kinds.TargetTags(required=False),
            classifier_tags=kinds.ClassifierTags(),
            input_tags=kinds.InputTags(two_d_array=False, string=True),
        )
