"""What computes: the accelerators that Keras's backend uses."""

import keras


def accelerators() -> list[str]:
    """Names of the GPUs (or TPUs) that the backend computes on; none where that is the CPU."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    if backend == "torch":
        import torch

        kind = keras.ops.zeros(()).device.type
        return [] if kind == "cpu" else [torch.cuda.get_device_name() if kind == "cuda" else kind]
    return keras.distribution.list_devices("gpu")
