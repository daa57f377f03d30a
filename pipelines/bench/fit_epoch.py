"""An epoch of Keras `fit`, measured without what comes once a training."""

import time
from collections.abc import Callable
from typing import Any

import keras

from pipelines.bench.timing import Seconds


def fit_epoch(model: keras.Model, *arrays: Any, **options: Any) -> Callable[[], Seconds]:
    """What runs `fit` for an epoch, and returns the seconds from its beginning to its end.

    When all epochs are done, `fit` waits for TensorFlow's data pipeline, which looks after 10, 20, 40, 80 ... ms if it
    is to end: behind a single epoch that takes up to as long again as the epoch.

    Args:
        model: compiled.
        arrays, options: of `fit`.
    """
    times: list[float] = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: times.append(time.perf_counter()),
    )

    def run() -> Seconds:
        model.fit(*arrays, verbose=0, callbacks=[watch], **options)
        return Seconds(times[-1] - times[-2])

    return run
