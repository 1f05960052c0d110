"""What a subscription wants: the same `only=` as a parser's, decided on events."""

from __future__ import annotations

from typing import Any

from amistream import _registry
from amistream._wire import USER_EVENT
from amistream.messages import Event, Message, Response

__all__ = ["Wanted"]

_MOST_NAMES = 4096
"""How many decisions about names are cached; names of a hostile stream must not fill memory."""


class Wanted:
    """Decides for one `only=` which events it selects.

    only: None for all events, or what a Parser takes. Errors and warnings are the same as there.

    The class of an event decides, unless it serves several names or is Event itself.
    """

    __slots__ = (
        "_accepted",
        "_by_name",
        "_decided",
        "_registered",
        "_rejected",
        "_selection",
        "everything",
        "only",
    )

    def __init__(self, only: Any) -> None:
        items = None if only is None else _registry.frozen(_registry.items(only))
        self._selection = _registry.select(items)
        self.only = None if items is None else _registry.Checked(items)
        self.everything = self.only is None or not self.only.isdisjoint((Event, Message))
        if not self.everything and Response in (self.only or ()):
            raise ValueError("only=: a subscription gives events, not responses")
        self._accepted: set[type] = set()
        self._rejected: set[type] = set()
        self._decided: set[type] = set()  # both together
        self._by_name: dict[str, bool] = {}
        self._registered = len(_registry.classes)

    def select(self, batch: list[Any], kinds: set[type]) -> list[Any]:
        """The wanted events of a batch, whose classes are `kinds`; the batch itself if all are."""
        if self._registered != len(_registry.classes):
            self._forget()
        if kinds <= self._accepted:
            return batch
        if kinds <= self._rejected:
            return []
        accepted = self._accepted
        if kinds <= self._decided:
            return [message for message in batch if type(message) in accepted]
        by_name = {kind for kind in kinds if not self._learn(kind)}
        if not by_name:
            return self.select(batch, kinds)
        return [
            message
            for message in batch
            if (kind := type(message)) in accepted or (kind in by_name and self._takes(message))
        ]

    def _forget(self) -> None:
        """A class was registered since: decide anew."""
        self._registered = len(_registry.classes)
        self._accepted.clear()
        self._rejected.clear()
        self._decided.clear()
        self._by_name.clear()

    def _takes(self, event: Event) -> bool:
        """Whether an event is wanted whose class does not decide."""
        name = event.name
        known = self._by_name.get(name)
        if known is None:
            known = self._selection.class_for(_registry.encoded(name)) is not None
            if len(self._by_name) < _MOST_NAMES:
                self._by_name[name] = known
        return known

    def _learn(self, kind: type) -> bool:
        """Decide about a class; False if the names of its events decide."""
        if kind in self._decided:
            return True
        verdict = self._decide(kind)
        if verdict is None:
            return False
        (self._accepted if verdict else self._rejected).add(kind)
        self._decided.add(kind)
        return True

    def _decide(self, kind: type) -> bool | None:
        """Whether the events of a class are wanted; None if their names decide."""
        selection = self._selection
        if not issubclass(kind, Event):
            return False
        if self.everything:
            return True
        if kind in _registry.user_events.values():
            return selection.user_event is not None or kind in selection.user_events.values()
        names = [name for name, serving in _registry.classes.items() if serving is kind]
        if USER_EVENT in names:
            return selection.user_event is not None
        verdicts = {selection.class_for(name) is not None for name in names}
        return verdicts.pop() if len(verdicts) == 1 else None
