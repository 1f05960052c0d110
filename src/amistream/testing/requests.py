"""What a client sends, cut into actions as Asterisk does; whatever it sends, memory is bounded."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["LONGEST_LINE", "MOST_HEADERS", "Action", "ActionReader"]

LONGEST_LINE: Final = 1024
"""The most bytes of a line with its CRLF."""
MOST_HEADERS: Final = 128
"""The most headers of an action."""

LINE_TOO_LONG: Final = "Failed to parse message: line too long"
TOO_MANY_LINES: Final = "Too many lines in message or allocation failure"

_DROPPED_BEFORE_VALUES: Final = bytes(range(1, 33)).decode()


class Action(dict[str, Any]):
    """The headers of an action. A repeated header is a list. A name is found in any case.

    fault: why Asterisk would not run the action, or None. size: how many bytes it had.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault: str | None = None
        self.size = 0
        self._spelled: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Add a header."""
        name = self._spelled.setdefault(name.lower(), name)
        if name not in self:
            self[name] = value
        elif isinstance(earlier := self[name], list):
            earlier.append(value)
        else:
            self[name] = [earlier, value]

    def __missing__(self, name: str) -> Any:
        spelled = self._spelled.get(name.lower(), name)
        if spelled == name:
            raise KeyError(name)
        return self[spelled]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a header, or the default."""
        if name in self:
            return self[name]
        return super().get(self._spelled.get(name.lower(), name), default)

    def text(self, name: str, default: str = "") -> str:
        """The first value of a header, or the default."""
        value = self.get(name, default)
        return str(value[0] if isinstance(value, list) else value)

    def all(self, name: str) -> list[str]:
        """All values of a header."""
        value = self.get(name, [])
        return value if isinstance(value, list) else [value]

    @functools.cached_property
    def name(self) -> str:
        """The action's name in lower case, empty if it has none."""
        return self.text("Action").lower()

    @functools.cached_property
    def action_id(self) -> str | None:
        """The ActionID, or None."""
        return self.text("ActionID") or None

    def without_secrets(self) -> dict[str, Any]:
        """The headers but Secret and Key."""
        return {
            name: value for name, value in self.items() if name.lower() not in ("secret", "key")
        }


class ActionReader:
    """Cuts bytes into actions. It keeps at most one action of the greatest size."""

    def __init__(self) -> None:
        self._pending = b""
        self._is_inside_long_line = False
        self._action = Action()
        self._lines = 0

    def feed(self, data: bytes) -> Iterator[Action]:
        """The actions that these bytes complete."""
        lines = (self._pending + data).split(b"\n")
        self._pending = lines.pop()
        for line in lines:
            if self._is_inside_long_line:
                self._is_inside_long_line = False  # its end
            elif len(line) >= LONGEST_LINE:
                self._refuse(LINE_TOO_LONG)
            elif line in (b"", b"\r"):
                yield self._take()
            else:
                self._add(line)
        if len(self._pending) >= LONGEST_LINE:
            self._refuse(LINE_TOO_LONG)
            self._is_inside_long_line = True
        if self._is_inside_long_line:
            self._pending = b""

    def _take(self) -> Action:
        action, self._action, self._lines = self._action, Action(), 0
        return action

    def _refuse(self, fault: str) -> None:
        self._action.fault = self._action.fault or fault

    def _add(self, line: bytes) -> None:
        self._lines += 1
        if self._lines > MOST_HEADERS:
            self._refuse(TOO_MANY_LINES)
            return
        self._action.size += len(line) + 1
        text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        name, colon, value = text.partition(":")
        if colon:
            self._action.add(name, value.lstrip(_DROPPED_BEFORE_VALUES))
