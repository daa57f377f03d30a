"""The precision of matrix products on a GPU."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Multiply in all of float32's digits: by default a GPU rounds factors to TensorFloat-32, of three decimals."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            yield
    elif backend == "torch":
        import torch

        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        yield
        torch.set_float32_matmul_precision(before)
    else:
        import tensorflow as tf

        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        yield
        tf.config.experimental.enable_tensor_float_32_execution(before)
