"""Checksums of a model's large files, worked out while the rest of the start goes on.

Reading 50 MB past a checksum takes as long as importing NumPy. Both leave the other core free, so they run side by
side: whoever starts this before importing the rest gets the checksums for nothing.
"""

import hashlib
from pathlib import Path
from threading import Thread

# The table of the folded network and the table of chunks: all else in a model folder is small.
LARGE = ("table.npy", "chunks.npy")
_BLOCK_BYTES = 1 << 20


class Digests:
    """SHA-256 of files of a folder, in a thread of its own from the moment this is made.

    Args:
        folder: where the files are.
        names: of the files; one that is missing is told of when it is asked for.
    """

    def __init__(self, folder: Path, names: tuple[str, ...] = LARGE) -> None:
        self._folder = folder
        self._names = names
        self._found: dict[str, str | OSError] = {}
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def of(self, name: str) -> str:
        """Return the digest of one of the files, in hexadecimal.

        Raises:
            OSError: it cannot be read.
        """
        self._thread.join()
        found = self._found[name]
        if isinstance(found, OSError):
            raise found
        return found

    def _work(self) -> None:
        for name in self._names:
            try:
                self._found[name] = _digest(self._folder / name)
            except OSError as error:
                self._found[name] = error


def _digest(path: Path) -> str:
    digest, block = hashlib.sha256(), memoryview(bytearray(_BLOCK_BYTES))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            digest.update(block[:size])
    return digest.hexdigest()
