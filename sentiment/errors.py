"""Errors that a user can mend.

Every error raised on purpose derives from :class:`SentimentError`. Command lines catch that one class,
print its message as a single line and exit with status 2; anything else is a bug and keeps its traceback.
"""

EXIT_STATUS = 2


_LONGEST = 1000


class SentimentError(Exception):
    """A mistake in the input, the settings or the order of commands; the message says what to do next.

    The message is one line, whatever it quotes.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.splitlines())
        super().__init__(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ...")


class SettingsError(SentimentError):
    """A setting is unknown, of the wrong type or out of range."""


class InputError(SentimentError):
    """An input file is missing, unreadable or not in the expected format."""


class ArtefactError(SentimentError):
    """A file that a stage or a model is made of is missing, damaged or of another model."""


class EngineError(SentimentError):
    """What runs the tasks of many files cannot go on; what is done so far stays."""
