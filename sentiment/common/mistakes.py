"""What a command says of a mistake: one line on standard error and an exit status, the same for every command."""

import errno
import sys

from sentiment.common.extras import install_line
from sentiment.errors import EXIT_STATUS, SentimentError

INTERRUPTED = 130
# What a user, or who looks after the machine, can mend; all else is a defect and keeps its traceback.
MENDABLE = (SentimentError, OSError, MemoryError, ModuleNotFoundError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explained(error: BaseException, memory: str, place: str = "") -> str:
    """One line on an error that is one of ``MENDABLE``.

    Args:
        error: what was raised.
        memory: what memory was too small for, and what may help.
        place: the file or folder, where the error names none.

    Raises:
        ModuleNotFoundError: ``error`` itself, where no extra of ours brings the module.
    """
    if isinstance(error, MemoryError):
        return f"not enough memory{memory}"
    if isinstance(error, OSError):
        return _of_the_system(error, str(error.filename or place))
    if isinstance(error, ModuleNotFoundError):
        if not (line := install_line(error)):
            raise error
        return line
    return " ".join(str(error).splitlines())


def refuse(name: str, error: BaseException, memory: str, place: str = "", remedy: str = "") -> int:
    """Write that line as the command ``name``, the ``remedy`` after an error of the system; returns the exit status."""
    after = f"; {remedy}" if remedy and isinstance(error, OSError) else ""
    sys.stderr.write(f"{name}: error: {explained(error, memory, place)}{after}\n")
    return EXIT_STATUS


def _of_the_system(error: OSError, place: str) -> str:
    if error.errno in _FULL or " requested and " in str(error):  # the latter is NumPy's, which gives no number
        reason = "the disk is full; free some space and run the same command again: earlier files are intact"
    else:
        reason = " ".join((error.strerror or str(error)).split())
        plain = isinstance(error, PermissionError | IsADirectoryError | NotADirectoryError | FileNotFoundError)
        reason = reason.lower() if plain else reason
    return f"{place}: {reason}" if place else reason
