"""Whom the service answers for: the ``Host`` that a request must name.

A page of another site may give its own name the address of this machine once it is loaded (DNS rebinding), and would
then reach a service here as if it were its own. Such a request still names the other site, so a name that is not known
is refused. An address is always good: no name stands behind it that could be given another one.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence

from sentiment.errors import SettingsError
from sentiment.serve.refusals import Refusal

ANY = "*"
_LOCAL = "localhost"
_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]*)?", re.IGNORECASE)
_REMEMBERED = 100
_SHOWN = 60


class Hosts:
    """The names that requests may come by.

    Args:
        own: the name, or address, that the service listens at.
        names: more, besides addresses, ``localhost`` and what ends in ``.localhost``; ``*.example.com`` allows all
            names that end so, ``*`` any.

    Raises:
        SettingsError: one is not a name.
    """

    def __init__(self, own: str, names: Iterable[str] = ()) -> None:
        self._names = {_LOCAL, own.lower(), *map(_checked, names)}
        self._good: set[bytes] = set()  # as they came, so that each is looked at once

    def check(self, headers: Sequence[tuple[bytes, bytes]], version: str) -> None:
        """Pass a request on, or not.

        Args:
            headers: names in lower case.
            version: of HTTP; before 1.1 a request may name no host.

        Raises:
            Refusal: 421, it names another host; 400, none, several or none that can be read.
        """
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) == 1 and hosts[0] in self._good:
            return
        if not hosts and version == "1.0":
            return
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            raise Refusal(400, "expected one Host header, with a name or an address")
        name = match[1].decode().lower().removesuffix(".")
        if not self._allows(name):
            shown = name[:_SHOWN]
            raise Refusal(
                421, f"this service is not known as {shown!r}; if it is, start it with --allowed-host {shown}"
            )
        if len(self._good) < _REMEMBERED:
            self._good.add(hosts[0])

    def _allows(self, name: str) -> bool:
        if not name:
            return False
        if name in self._names or ANY in self._names or name.endswith("." + _LOCAL) or _is_address(name.strip("[]")):
            return True
        parents = (name[i:] for i, letter in enumerate(name) if letter == ".")
        return any(f"*{parent}" in self._names for parent in parents)


def _checked(name: str) -> str:
    if name == ANY:
        return name
    lower = name.lower().removesuffix(".")
    if not _NAME.fullmatch(lower) and not _is_address(lower):
        raise SettingsError(
            f"--allowed-host {name}: expected a name such as tweets.example.com, *.example.com or *, "
            "without scheme, port or path"
        )
    return lower


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
