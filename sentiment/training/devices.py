"""The accelerators that Keras's backend computes on."""

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
