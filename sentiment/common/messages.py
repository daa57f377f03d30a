"""Make one-line messages: describe errors, add nouns to numbers, and remove control characters from untrusted text."""

import contextlib
import errno
import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from typing import TextIO

from sentiment.errors import EXIT_STATUS, SentimentError

INTERRUPTED = 130
UNREAD = 141  # the status that a shell gives a process that SIGPIPE has ended
# Errors that a user or an administrator can fix. Any other error is a bug and keeps its traceback.
MENDABLE = (SentimentError, OSError, MemoryError, ModuleNotFoundError)
# Extra in pyproject.toml -> the optional modules that it installs.
EXTRAS = {
    "dev": ("psutil",),
    "jax": ("jax",),
    "onnx": ("onnxruntime", "tf2onnx"),
    "peers": ("fasttext", "textblob"),
    "ray": ("ray",),
    "serve": ("httptools", "msgspec", "prometheus_client", "python_multipart", "starlette", "uvicorn", "uvloop"),
    "torch": ("torch",),
    "train": (
        "emoji", "jinja2", "keras", "markupsafe", "matplotlib", "pandas", "pooch", "scipy", "sklearn", "spacy",
        "spacy_lookups_data", "tabulate", "tensorboard", "tensorflow", "vaderSentiment",
    ),
}  # fmt: skip
_JOINER = "\u200d"  # zero-width joiner, which joins emoji
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explained(error: BaseException, memory: str, place: str = "") -> str:
    """Describe an error in one line, for a user or an administrator who can fix its cause.

    Args:
        error: an exception of a type in ``MENDABLE``, for example an OSError.
        memory: text to add to a MemoryError: what needed too much memory, and what may help.
        place: the file or folder to name if an OSError names none.

    Raises:
        ModuleNotFoundError: ``error`` itself, if no extra of this package installs the missing module.
    """
    if isinstance(error, MemoryError):
        return f"not enough memory{memory}"
    if isinstance(error, OSError):
        return without_controls(_system_error(error, str(error.filename or place)), "?")
    if isinstance(error, ModuleNotFoundError):
        if not (line := install_line(error)):
            raise error
        return line
    return without_controls(" ".join(str(error).splitlines()), "?")


def run_command(
    run: Callable[[], int], name: str, memory: str = "", place: str = "", remedy: str = "", stopped: str = ""
) -> int:
    """Run a command, report an error or an interrupt in one line on standard error, and return an exit status.

    The status is that of ``run``, or 2 after an error that a user can fix (``MENDABLE``), or 130 after an interrupt.
    See :func:`as_command` for interrupts (Ctrl-C or SIGTERM) and closed streams.

    Args:
        name: the name of the command, which begins the reported line.
        memory: text to add to a MemoryError, for example what may help.
        place: the file or folder to name if an OSError names none.
        remedy: advice to add to an OSError.
        stopped: text to add after an interrupt, unless the KeyboardInterrupt has a message of its own.
    """
    try:
        with as_command():
            return run()
    except MENDABLE as error:
        after = f"; {remedy}" if remedy and isinstance(error, OSError) else ""
        _tell(f"{name}: error: {explained(error, memory, place)}{after}\n")
        return EXIT_STATUS
    except KeyboardInterrupt as interrupt:
        _tell(f"{'; '.join(filter(None, [f'{name}: stopped', str(interrupt) or stopped]))}\n")
        return INTERRUPTED


@contextlib.contextmanager
def as_command() -> Iterator[None]:
    """Run the ``with`` block as a command: SIGTERM interrupts it as Ctrl-C does, and its standard streams are safe.

    Without this, SIGTERM ends the process at once, which leaves worker processes and temporary files behind. A handler
    of the calling program stays, and only the main thread can set one. See :func:`_standard_streams` for the streams.
    """
    with contextlib.ExitStack() as after:
        is_unset = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if is_unset and threading.current_thread() is threading.main_thread():
            after.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.default_int_handler))
        after.enter_context(_standard_streams())
        yield


@contextlib.contextmanager
def _standard_streams() -> Iterator[None]:
    """Make standard input, output and error safe to use in the ``with`` block.

    A stream that the calling program has closed becomes the null device, for this process and its children. If the
    reader of standard output or error goes away, as `head` does, the process ends quietly with status 141.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed, so open() gives the new stream the same number
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115
            os.set_inheritable(getattr(sys, name).fileno(), True)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit(UNREAD) from None
    finally:
        _discard_unwritable()


def is_closed(stream: TextIO) -> bool:
    """Return whether the calling program had closed ``stream``, one of those that :func:`as_command` opens."""
    return getattr(stream, "name", None) == os.devnull


def install_line(error: ModuleNotFoundError) -> str | None:
    """Return advice on which extra of this package installs a missing module; None if no extra installs it."""
    package = (error.name or "").split(".")[0]
    extra = next((extra for extra, packages in EXTRAS.items() if package in packages), None)
    if not extra:
        return None
    return (
        f"{package} is not installed; the extra {extra!r} brings it: "
        f"pip install '.[{extra}]' in a clone of this project"
    )


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 tweet" or "2,000 tweets". Without ``plural`` the noun gets an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def without_controls(text: str, instead: str = "") -> str:
    """Replace characters that control a terminal or the reading direction by ``instead``; tabs, line ends by spaces."""
    if text.isprintable():
        return text
    unwanted = ("Cc", "Cf", "Cs", "Zl", "Zp")
    kept = (" " if c in "\t\n\r" else c for c in text)
    return "".join(c if c == _JOINER or unicodedata.category(c) not in unwanted else instead for c in kept)


def shown(text: object, most: int = 200) -> str:
    """Return text from a user's file for a message: at most ``most`` characters, and "?" for control characters."""
    text = str(text).strip("\n")  # Arrow ends some reasons with a line
    return without_controls(text[:most], "?") + "…" * (len(text) > most)


def _tell(line: str) -> None:
    """Write ``line`` to standard error, if someone reads it."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line)
    _discard_unwritable()


def _discard_unwritable() -> None:
    """Send standard output and error to the null device if what they hold cannot be written: Python tries at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with open(os.devnull, "wb") as null:
                os.dup2(null.fileno(), stream.fileno())


def _system_error(error: OSError, place: str) -> str:
    if error.errno in _FULL or " requested and " in str(error):  # NumPy's error about a full disk has no errno
        reason = "the disk is full; free some space and run the same command again: earlier files are intact"
    else:
        reason = " ".join((error.strerror or str(error)).split())
        plain = isinstance(error, PermissionError | IsADirectoryError | NotADirectoryError | FileNotFoundError)
        reason = reason[:1].lower() + reason[1:] if plain else reason
        place = "" if "'" in reason else place  # Arrow's errors name their file in the text
    return f"{place}: {reason}" if place else reason
