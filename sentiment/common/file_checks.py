"""Check an output's path, replace a file, and compute a file's SHA-256."""

import contextlib
import hashlib
import os
import secrets
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from sentiment.errors import InputError

# Errors of NumPy and zipfile about damaged files.
DAMAGED = (
    EOFError, KeyError, MemoryError, NotImplementedError, OverflowError, RuntimeError, SyntaxError, TypeError,
    UserWarning, ValueError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def require_writable(path: Path, overwrite: bool, holding: str = "") -> None:
    """Check that a command can write the file ``path``, the value of its option ``--output``.

    Raises:
        InputError: ``path`` is a folder or a device, its folder is missing or read-only, or the file exists and
            ``overwrite`` is false. ``holding`` says what the file may contain, for the message.
    """
    if path.exists() and not path.is_file():  # a finished file, which is renamed, would take the place of a device
        kind = "folder" if path.is_dir() else "device or a pipe"
        raise InputError(f"--output {path}: is a {kind}, expected the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"--output {path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"--output {path}: the folder {path.parent} cannot be written to; give a file in another")
    if path.exists() and not overwrite:
        raise InputError(f"--output {path}: exists already{holding}; give another name, or --force to replace it")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``. Its file becomes ``path`` at the end, or is removed after an error."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
