"""What computes: the accelerators that Keras's backend uses and their memory."""

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


def peak_memory_mib() -> float | None:
    """Most memory in use on the first accelerator so far, MiB; None without one, or where the backend does not tell."""
    if not accelerators():
        return None
    backend, used = keras.backend.backend(), None
    if backend == "jax":
        import jax

        used = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    elif backend == "torch":
        import torch

        used = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return None if used is None else used / 2**20
