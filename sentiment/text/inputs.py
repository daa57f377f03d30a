"""Texts as callers give them: any list, array or Series of strings, checked."""

from collections.abc import Sequence
from typing import Any

from sentiment.errors import InputError


def as_sequence(texts: Any) -> Any:
    """``texts`` as something with a length: an Arrow array as it is, all else as a list; contents are not checked.

    Raises:
        InputError: ``texts`` is a single string.
    """
    if isinstance(texts, str | bytes):
        raise InputError("expected a list of texts, received a single one: put it in a list")
    return texts if is_arrow(texts) or isinstance(texts, list) else list(texts)


def is_arrow(texts: Any) -> bool:
    """Whether ``texts`` is Arrow's, found without importing Arrow, which takes a tenth of a second."""
    return type(texts).__module__.startswith("pyarrow")


def encode_all(texts: Sequence[Any]) -> list[bytes]:
    """Each of ``texts`` in UTF-8.

    Raises:
        InputError: one is not a string, or holds an unpaired surrogate, which has no UTF-8 form.
    """
    return [_encode(text, index) for index, text in enumerate(texts)]


def _encode(text: Any, index: int) -> bytes:
    if not isinstance(text, str):
        raise InputError(f"expected a string, received {type(text).__name__} as text {index}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"text {index} holds an unpaired surrogate: decode it as UTF-8 first") from error
