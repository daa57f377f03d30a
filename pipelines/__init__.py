"""What happens, in order: one thin stage a module, meeting only through files."""

import sys
from types import TracebackType


def _stopped_early(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while a command still imports: one line too, as later (:func:`pipelines.shared.stage.reporting`)."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("stopped before anything was done\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _stopped_early
