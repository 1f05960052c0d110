"""An exchange: one action that was sent, and what Asterisk answers to it."""

from __future__ import annotations

from collections.abc import Callable

from amistream.aggregates import Aggregate, EventList_Aggregate
from amistream.client.empty import is_empty_answer
from amistream.errors import ActionFailed, ListIncomplete, PermissionDenied
from amistream.messages import Event, Message, Response

__all__ = ["MAX_MEMBERS", "Exchange"]

MAX_MEMBERS = 1_000_000
"""How many members of a list are kept. A list that gets more is not whole."""

PERMISSION_DENIED = "Permission denied"


class Exchange:
    """One action and its answer: a response, a list, or an event that tells the outcome.

    kind: the class of the list that the action asks for, or None.
    may_be_plain: whether a Success without a list is the whole answer of a list action too, as
        of a Hangup of one channel. Otherwise such a Success is an empty list.
    announces: whether this Asterisk announces lists. If not, a Success does not end a list.
    outcome: the name of the event that ends the exchange, or "" if a response or a list does.
    deadline: the moment until which the answer is awaited; None waits for ever.
    """

    __slots__ = (
        "action",
        "action_id",
        "aggregate",
        "announces",
        "deadline",
        "error",
        "finished",
        "hint",
        "is_internal",
        "kind",
        "may_be_plain",
        "on_finish",
        "outcome",
        "response",
        "result",
        "timeout",
    )

    def __init__(
        self,
        action: str,
        action_id: str,
        *,
        kind: type[Aggregate] | None = None,
        may_be_plain: bool = False,
        announces: bool = True,
        outcome: str = "",
        deadline: float | None = None,
        timeout: float | None = None,
        hint: str = "",
        is_internal: bool = False,
    ) -> None:
        self.action = action
        self.action_id = action_id
        self.kind = kind
        self.may_be_plain = may_be_plain
        self.announces = announces
        self.outcome = outcome
        self.deadline = deadline
        self.timeout = timeout
        self.hint = hint
        self.is_internal = is_internal
        self.aggregate = None if kind is None or may_be_plain else self._new_list()
        self.finished = False
        self.response: Response | None = None
        self.result: Message | Aggregate | None = None
        self.error: Exception | None = None
        self.on_finish: Callable[[Exchange], object] | None = None

    def take(self, message: Message) -> None:
        """Take a message that has the ActionID of this exchange."""
        if isinstance(message, Response):
            self._take_response(message)
        elif isinstance(message, Event):
            self._take_event(message)

    @property
    def takes_anonymous(self) -> bool:
        """Whether the members of this list come without an ActionID."""
        return self.kind is not None and self.kind.anonymous

    def take_anonymous(self, event: Event) -> None:
        """Take an event without an ActionID, which may be a member of this list."""
        if self.aggregate is not None:
            self.aggregate.evaluate_event(event)

    def finish(self, result: Message | Aggregate) -> None:
        """End the exchange with its answer."""
        if isinstance(result, Aggregate) and not result.valid:
            self.fail(ListIncomplete(self.action, result))
            return
        self.result = result
        self._end()

    def fail(self, error: Exception) -> None:
        """End the exchange with an error."""
        self.error = error
        self._end()

    def _end(self) -> None:
        self.finished = True
        if self.on_finish is not None:
            self.on_finish(self)

    def _take_response(self, response: Response) -> None:
        if self.response is not None:
            return
        self.response = response
        if response.name == "Error":
            self._take_error(response)
        elif (response.event_list or "").lower() == "start":
            self.aggregate = self.aggregate or self._new_list()
            self.aggregate.announce()
        elif self.aggregate is not None:
            if self.announces:
                self._finish_empty(self.aggregate)
        elif not self.outcome:
            self.finish(response)

    def _new_list(self) -> Aggregate:
        return (self.kind or EventList_Aggregate)(self.action_id, max_members=MAX_MEMBERS)

    def _finish_empty(self, aggregate: Aggregate) -> None:
        aggregate.finish()
        self.finish(aggregate)

    def _take_error(self, response: Response) -> None:
        if is_empty_answer(self.action, response):
            self._finish_empty(self.aggregate or self._new_list())
        elif response.message == PERMISSION_DENIED:
            self.fail(PermissionDenied(self.action, response))
        else:
            self.fail(ActionFailed(self.action, response))

    def _take_event(self, event: Event) -> None:
        if self.outcome:
            if event.name == self.outcome:
                self.finish(event)
        elif self.aggregate is not None and self.aggregate.evaluate_event(event):
            self.finish(self.aggregate)
