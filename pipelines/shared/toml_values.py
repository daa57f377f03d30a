"""Write values as TOML."""

import json
from typing import Any


def toml_value(value: Any) -> str:
    """Return a string, number, truth value, list or table as TOML on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{toml_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Return ``name`` as a TOML key, in quotes if it needs them."""
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else toml_value(name)
