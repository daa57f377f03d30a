"""Check the texts that callers pass: any list, array or Series of strings."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from sentiment.errors import InputError


def as_sequence(texts: Any) -> Any:
    """Return ``texts``, with unchecked contents, as a sequence: an Arrow array unchanged, anything else as a list.

    Raises:
        InputError: ``texts`` is a single string, a table of several columns, a mapping or a set.
    """
    if isinstance(texts, list):
        return texts
    if isinstance(texts, str | bytes):
        raise InputError("expected a list of texts, received a single one: put it in a list")
    if isinstance(texts, Mapping | Set):
        raise InputError(f"expected a list of texts, received a {type(texts).__name__}: pass a list of its values")
    texts = _one_column(texts)
    if is_arrow(texts):
        return texts
    try:
        return list(texts)
    except TypeError:  # numbers, None, an array without dimensions
        received = "None" if texts is None else f"one {type(texts).__name__}"
        raise InputError(f"expected a list of texts, received {received}: put texts in a list") from None


def _one_column(texts: Any) -> Any:
    """Return the only column of a table, for example of a data frame; anything else unchanged."""
    if len(getattr(texts, "shape", ())) < 2:
        return texts
    names = [str(name) for name in getattr(texts, "column_names", getattr(texts, "columns", ()))]
    if len(texts.shape) > 2 or texts.shape[1] != 1:
        which = f"columns {', '.join(names)[:200]}" if names else f"shape {tuple(texts.shape)}"
        raise InputError(
            f"expected texts, received a {type(texts).__name__} with {which}: pass one column"
            + (f", such as data[{'text' if 'text' in names else names[0]!r}]" if names else "")
        )
    if hasattr(texts, "iloc"):
        return texts.iloc[:, 0]
    return texts.column(0) if hasattr(texts, "column") else texts[:, 0]  # Arrow's tables, or NumPy's arrays


def is_arrow(texts: Any) -> bool:
    """Return whether ``texts`` is an Arrow array. Arrow is not imported for the check, because this takes 0.1 s."""
    return type(texts).__module__.startswith("pyarrow") and hasattr(texts, "null_count")  # a scalar has none


def is_missing(value: Any) -> bool:
    """Return whether ``value`` is None, NaN or pandas' NA."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def encode_all(texts: Sequence[Any]) -> list[bytes]:
    """Return each of ``texts`` in UTF-8.

    Raises:
        InputError: a text is not a string, or contains an unpaired surrogate, which has no UTF-8 form.
    """
    encoded = []
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            hint = ", a missing value: leave such texts out or make them empty" if is_missing(text) else ""
            raise InputError(f"expected a string, received {type(text).__name__} as text {index}{hint}")
        try:
            encoded.append(text.encode())
        except UnicodeEncodeError as error:
            raise InputError(f"text {index} holds an unpaired surrogate: decode it as UTF-8 first") from error
    return encoded
