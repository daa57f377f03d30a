"""What computes: the accelerators that Keras's backend uses and their memory."""

from typing import Any

import keras

from sentiment.errors import SettingsError


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


def describe() -> str:
    """Which backend computes, and on what."""
    where = ", ".join(accelerators()) or "the CPU (no GPU found)"
    return f"Keras {keras.version()} with the {keras.backend.backend()} backend on {where}"


def share_batches(devices: int, batch_size: int) -> None:
    """Have each batch shared between so many devices of this machine: weights on all, gradients summed.

    To be called before the network is built. What is computed is one program over the whole batch, whose rows lie on
    several devices, so that the distinct tokens of a batch, and the positions that refer to them, stay what they are.

    Args:
        devices: 1 leaves all as it is.
        batch_size: of training; every device gets as many of its rows.

    Raises:
        SettingsError: the backend cannot, there are not so many devices, or the rows do not come out even.
    """
    if devices == 1:
        return
    backend = keras.backend.backend()
    if backend != "jax":
        raise SettingsError(
            f"training.devices: {devices} devices need the JAX backend, this is {backend}: set KERAS_BACKEND=jax"
        )
    found = _jax_devices(devices)
    if devices & (devices - 1) or batch_size % devices:
        raise SettingsError(
            f"training.devices: expected a power of two that divides training.batch_size ({batch_size}), "
            f"received {devices}"
        )
    mesh = keras.distribution.DeviceMesh((devices,), ("batch",), found[:devices])
    keras.distribution.set_distribution(keras.distribution.DataParallel(device_mesh=mesh))


def _jax_devices(wanted: int) -> list[Any]:
    import jax

    if jax.process_count() > 1:
        raise SettingsError(
            "training.devices: one process may use several devices, several processes may not: each would number the "
            "distinct tokens of its rows by itself, and training would go wrong silently"
        )
    found = keras.distribution.list_devices()
    if len(found) < wanted:
        raise SettingsError(f"training.devices: expected at least {wanted} devices, found {len(found)}: {found}")
    return found


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
