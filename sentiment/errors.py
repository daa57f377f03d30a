"""Errors that a user can fix.

Every error that this package defines derives from :class:`SentimentError`. Commands catch it, print its message in one
line and exit with status 2.
"""

EXIT_STATUS = 2


_LONGEST = 1000


class SentimentError(Exception):
    """A mistake in the input, the settings or the order of commands. The message, one line, says what to do next."""

    def __init__(self, message: str) -> None:
        line = " ".join(message.splitlines())
        super().__init__(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ...")


class SettingsError(SentimentError):
    """A setting is unknown, of the wrong type or out of range."""


class InputError(SentimentError):
    """An input file is missing, unreadable or not in the expected format."""


class ArtefactError(SentimentError):
    """A file of a stage or of a model is missing, damaged, or belongs to another model."""


class EngineError(SentimentError):
    """The engine that runs tasks in parallel, for example Ray, cannot continue. Results of finished tasks are kept."""
