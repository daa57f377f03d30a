"""Import TensorFlow and Keras without the lines that their C++ code writes at any log level."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# Abseil's notices before its log is set up: that oneDNN is on, that there are no CUDA drivers; LiteRT's that its
# interpreter works as it should; not warnings or errors.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|I\d{4} \d\d:\d\d:\S+ +\d+ \S+\.cc:\d+\]"
    rb"|INFO: Created TensorFlow Lite XNNPACK delegate"
)


def import_keras() -> None:
    """Import Keras and its backend; errors are raised, and other output is passed on."""
    if "keras" not in sys.modules:
        with without_chatter():
            import keras  # noqa: F401


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Collect standard error and write it at the end, without the known notices."""
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not _CHATTER.match(line)))
