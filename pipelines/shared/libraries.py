"""Import TensorFlow and Keras without the notices that their C++ code prints at every log level."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# Notices, but no warnings or errors: Abseil's about oneDNN and missing CUDA drivers, before its log is set up, and
# LiteRT's about its delegate.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|I\d{4} \d\d:\d\d:\S+ +\d+ \S+\.cc:\d+\]"
    rb"|INFO: Created TensorFlow Lite XNNPACK delegate"
)


def import_keras() -> None:
    """Import Keras and its backend without their known notices. Other output is printed."""
    if "keras" not in sys.modules:
        with without_chatter():
            import keras  # noqa: F401


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back standard error, and write it at the end without the notices that ``_CHATTER`` matches."""
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
