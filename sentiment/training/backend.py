"""Keras's backend: what it computes on, and how a run on it becomes repeatable."""

import keras


def accelerators() -> list[str]:
    """Return the names of the GPUs or TPUs that the backend computes on; none on a CPU."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    if backend == "torch":
        import torch

        kind = keras.ops.zeros(()).device.type
        return [] if kind == "cpu" else [torch.cuda.get_device_name() if kind == "cuda" else kind]
    return keras.distribution.list_devices("gpu")


def describe() -> str:
    """Return one line that names the backend and what it computes on."""
    where = ", ".join(accelerators()) or "the CPU (no GPU found)"
    return f"Keras {keras.version()} with the {keras.backend.backend()} backend on {where}"


def make_repeatable(seed: int) -> None:
    """Seed everything random, and make TensorFlow add up in a fixed order, however many threads it has."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        # The graph optimizer would reorder large sums of gradients. It saves no time here.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
