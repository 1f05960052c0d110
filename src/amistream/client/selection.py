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

    only: None for all events, or what a Parser takes. TypeError or ValueError as there.
    """

    __slots__ = ("_by_kind", "_by_name", "_registered", "_selection", "everything", "only")

    def __init__(self, only: Any) -> None:
        self.only = (
            None
            if only is None
            else _registry.Checked(
                _registry.frozen((only,) if isinstance(only, str | type) else only)
            )
        )
        self.everything = self.only is None or not self.only.isdisjoint((Event, Message))
        if not self.everything and Response in (self.only or ()):
            raise ValueError("only=: a subscription gives events, not responses")
        self._selection = _registry.select(self.only)
        self._by_kind: dict[type, bool | None] = {}
        self._by_name: dict[str, bool] = {}
        self._registered = -1

    def select(self, batch: list[Any], kinds: set[type]) -> list[Any]:
        """The wanted events of a batch, whose classes are `kinds`; the batch itself if all are."""
        registered = len(_registry.classes) + len(_registry.user_events)
        if self._registered != registered:
            self._registered = registered
            self._by_kind.clear()
            self._by_name.clear()
        by_kind = self._by_kind
        verdicts = {by_kind[kind] if kind in by_kind else self._learn(kind) for kind in kinds}
        if verdicts == {True}:
            return batch
        if verdicts == {False}:
            return []
        return [message for message in batch if self._takes(message)]

    def takes(self, event: Event) -> bool:
        """Whether this event is wanted."""
        return bool(self.select([event], {type(event)}))

    def _takes(self, message: Message) -> bool:
        verdict = self._by_kind[type(message)]
        if verdict is not None:
            return verdict
        name = message.name or ""
        known = self._by_name.get(name)
        if known is None:
            known = self._selection.class_for(_registry.encoded(name)) is not None
            if len(self._by_name) < _MOST_NAMES:
                self._by_name[name] = known
        return known

    def _learn(self, kind: type) -> bool | None:
        """Whether the class alone decides, and how; None if the event's name decides."""
        verdict: bool | None
        if not issubclass(kind, Event):
            verdict = False
        elif self.everything:
            verdict = True
        else:
            verdict = self._decide(kind)
        self._by_kind[kind] = verdict
        return verdict

    def _decide(self, kind: type) -> bool | None:
        """The verdict on an event class: it may serve several names."""
        selection = self._selection
        if kind in _registry.user_events.values():
            named = selection.class_for(USER_EVENT) is not None and selection.user_event is not None
            return named or kind in selection.user_events.values()
        names = [name for name, serving in _registry.classes.items() if serving is kind]
        if not names:
            return None
        wanted = {selection.class_for(name) is not None for name in names}
        if USER_EVENT in names:
            return selection.user_event is not None
        return None if len(wanted) > 1 else wanted.pop()
