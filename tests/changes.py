"""Counts what a process changes in the file system below a folder, and can kill it right before a change."""

import functools
import os
import signal
import sys
from collections.abc import Callable

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.truncate"}
_folder, _seen, _wanted = "", 0, 0


def _hook(event: str, arguments: tuple) -> None:
    global _seen
    if not _folder or (event != "open" and event not in _CHANGES):
        return
    writes = event != "open" or set(arguments[1] or "") & set("wax+") or arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes and str(arguments[0]).startswith(_folder):
        _seen += 1
        if _seen == _wanted:
            os.kill(os.getpid(), signal.SIGKILL)


@functools.cache
def _watch() -> None:
    sys.addaudithook(_hook)  # it cannot be removed, and does nothing while there is no folder


def count(folder: str, work: Callable[[], object], wanted: int = 0) -> int:
    """Run ``work``, kill this process right before the change number ``wanted``, or return how many there were."""
    global _folder, _seen, _wanted
    _watch()
    _folder, _seen, _wanted = folder, 0, wanted
    try:
        work()
    finally:
        _folder = ""
    return _seen
