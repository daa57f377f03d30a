"""The stages that build a model, one per module. Stages exchange data only through files."""

import sys
from types import TracebackType


def _stopped_early(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report Ctrl-C in one line during a command's imports, before `pipelines.shared.stage.reporting` can do so."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("stopped before anything was done\n")
    else:
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # only while `python -m pipelines.<stage>` looks for its module, not for other importers
    sys.excepthook = _stopped_early
