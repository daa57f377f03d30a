"""The Keras backend: its devices, a line that describes it, and reproducible runs."""

import keras


def accelerators() -> list[str]:
    """Return the names of the GPUs or TPUs that the backend uses; an empty list on a CPU."""
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
    """Return one line that names the Keras version, the backend and its devices."""
    where = ", ".join(accelerators()) or "the CPU (no GPU found)"
    return f"Keras {keras.version()} with the {keras.backend.backend()} backend on {where}"


def make_repeatable(seed: int) -> None:
    """Seed all random generators, and make TensorFlow's results the same in every run, for any number of threads."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        # The graph optimizer would reorder large sums of gradients. It saves no time here.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
