"""A pystrix Manager at work with this parser: its two threads, and the actions it is asked for."""

from __future__ import annotations

import logging
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, NamedTuple

from amistream import _registry
from amistream.compat._pystrix_messages import Maker
from amistream.compat._pystrix_reading import Mailbox, Source
from amistream.messages import Event, Message

TIDYING: Final = 1.0
"""Seconds between looks for aggregates and answers that wait too long."""
AHEAD: Final = 2000
"""How many events the reader may be ahead of the callbacks before it lets them catch up."""
PACE: Final = 0.02
"""Seconds that it gives them for that."""
HOLDING: Final = 1.0
"""Seconds that the reader may be held back before that is told."""
GRACE: Final = 0.05
"""Seconds that a synchronous request which names no last event waits for its events."""
MOST_NAMES: Final = 4096
"""How many event names without a class of their own are remembered."""


class Served(NamedTuple):
    """What is done with the events of one name."""

    name: str
    cls: type[dict[str, str]]
    callbacks: tuple[Callable[[Any, Any], object], ...]


class Shared:
    """What all managers have in common: pystrix, and how it is to be served."""

    def __init__(self, ami: ModuleType) -> None:
        self.ami = ami
        self.maker = Maker(ami)
        self.installed = False
        self.max_message = 1 << 26
        self.max_queued = 100_000


class Station:
    """What one Manager has beside what pystrix gave it."""

    def __init__(self, manager: Any, shared: Shared) -> None:
        self.manager = manager
        self.shared = shared
        self.mailbox = Mailbox(shared.maker)
        self.answered = threading.Condition()
        self._served: dict[type | str, Served] = {}
        self._known = (0, 0)
        self._one_name: frozenset[type] = frozenset()
        self._next_tidying = 0.0

    def forget_callbacks(self) -> None:
        """The callbacks were changed; a new table, as the old one may just be written."""
        self._served = {}

    def wake(self) -> None:
        """Let whoever waits look again."""
        self.mailbox.wake()
        with self.answered:
            self.answered.notify_all()

    # --- the reader's thread ---

    def read(self, reader: Any, source: Source) -> None:
        """Read until the connection ends or the reader is killed."""
        self._take_over(reader)
        try:
            while reader._alive:
                self._take(reader, source.read())
                self._report_too_large(source)
                self._keep_pace(reader)
        except self.shared.ami.ManagerSocketError as error:
            logging.getLogger("amistream").debug("%s", error)
        finally:
            reader.kill()
            self.wake()

    def _take_over(self, reader: Any) -> None:
        """Let the reader's events go through the mailbox, those that wait already first."""
        before, reader.event_queue = reader.event_queue, self.mailbox
        while before is not self.mailbox and not before.empty():
            self.mailbox.put(before.get_nowait())

    def _take(self, reader: Any, messages: list[Message]) -> None:
        events: list[Any] = messages
        if not all([isinstance(message, Event) for message in messages]):  # noqa: C419 (faster)
            events = self._answer(reader, messages)
        if any(list(self.manager._outstanding_requests.values())):
            events = [event for event in events if not self._goes_to_request(event)]
        if self.manager._debug:
            self._tell_unknown(events)
        if events:
            self.mailbox.put_batch(events)

    def _answer(self, reader: Any, messages: list[Message]) -> list[Any]:
        """Hand over the responses; the rest is given back, also what pystrix takes for events."""
        events: list[Any] = []
        for message in messages:
            other = None if isinstance(message, Event) else self.shared.maker.other(message)
            if other is None or dict.__contains__(other, "Event"):
                events.append(message if other is None else other)
            elif other.action_id is None:
                reader.response_queue.put(other)
            else:
                self._serve(reader, other)
        self.wake()
        return events

    def _serve(self, reader: Any, response: Any) -> None:
        """Keep a response for the action that asked, for a while; a second one is an orphan."""
        reader._clean_orphaned_responses()
        deadline = time.time() + reader._orphaned_response_timeout
        with reader._served_requests_lock:
            kept, _ = reader._served_requests.setdefault(response.action_id, (response, deadline))
        if kept is not response:
            reader.response_queue.put(response)

    def _goes_to_request(self, event: Any) -> bool:
        """Give the event to the synchronous request with its ActionID, if there is one."""
        if not self.manager._outstanding_requests.get(event.action_id):
            return False
        bound: bool = self.manager._process_outstanding_request_event(self._as_event(event))
        if bound:
            with self.answered:
                self.answered.notify_all()
        return bound

    def _keep_pace(self, reader: Any) -> None:
        """Let the callbacks catch up: a little if they are behind, and at the bound for good.

        A long queue costs memory, caches and the collector's time; a peer that is not read at all
        hangs up. So what comes is still read while the bound is not reached, in larger blocks.
        """
        waiting = self.mailbox.qsize()
        if waiting <= AHEAD:
            return

        def is_over() -> bool:
            return not (reader._alive and self.manager._alive)

        self.mailbox.await_fewer(AHEAD // 2, PACE, is_over)
        bound = self.shared.max_queued
        if waiting <= bound or self.mailbox.await_fewer(bound // 2, HOLDING, is_over):
            return
        complain(
            self.manager,
            "warning",
            f"{self.mailbox.qsize()} events wait for callbacks that are too slow; "
            "no more is read until half of them are done",
        )
        while not self.mailbox.await_fewer(bound // 2, HOLDING, is_over):
            pass

    def _report_too_large(self, source: Source) -> None:
        if source.too_large:
            complain(
                self.manager,
                "warning",
                f"skipped {source.too_large} messages longer than {self.shared.max_message} bytes",
            )
            source.too_large = 0

    def _tell_unknown(self, events: list[Any]) -> None:
        for event in events:
            if self.shared.maker.class_of(event.name) is self.shared.ami._Event:
                complain(self.manager, "warning", f"no class for the event {event!r}")

    # --- the callbacks' thread ---

    def dispatch(self) -> None:
        """Call the callbacks until the manager is closed, or the drop-in taken away."""
        while self.manager._alive and self.shared.installed:
            batch = self.mailbox.take_batch(self._patience())
            self._refresh()
            self._deliver_batch(batch)
            self._tidy()
            reader = self.manager._message_reader
            while reader and self.manager._event_dispatcher_orphaned_responses(reader):
                pass

    def _patience(self) -> float | None:
        reader = self.manager._message_reader
        waiting = self.manager._event_aggregates or (reader and reader._served_requests)
        return TIDYING if waiting else None

    def _refresh(self) -> None:
        """Heed what was imported, and what was registered here or there, since the last batch."""
        self.shared.maker.look_around()
        known = (self.shared.maker.registered, len(_registry.classes))
        if known != self._known:
            self._known = known
            counts = Counter(_registry.classes.values())
            self._one_name = frozenset(cls for cls, names in counts.items() if names == 1)
            self._served = {}

    def _deliver_batch(self, batch: list[Any]) -> None:
        manager, make = self.manager, self.shared.maker.event
        aggregates, logger = manager._event_aggregates, manager._logger
        for message in batch:
            if not manager._alive:
                return
            served = self._served.get(type(message)) or self._find_served(message)
            name, cls, callbacks = served
            if not (callbacks or aggregates or logger):
                continue
            event = message if isinstance(message, dict) else make(message, name, cls)
            finished = self._gather(event) if aggregates else None
            if logger:
                logger.debug(f"{name} goes to {len(callbacks)} callbacks")
            for callback in callbacks:
                try:
                    callback(event, manager)
                except Exception as error:  # noqa: PERF203 (a call more would cost more)
                    self._tell_failure(callback, event, error)
            if finished is not None:
                self._deliver_batch([finished])

    def _tell_failure(self, callback: object, event: Any, error: Exception) -> None:
        complain(
            self.manager,
            "error",
            f"the callback {callback!r} failed with {error!r} on {event!r}\n"
            f"{traceback.format_exc()}",
        )

    def _find_served(self, message: Any) -> Served:
        """What is done with a message whose class alone does not tell it."""
        table, name = self._served, message.name or ""
        served = table.get(name)
        if served is None:
            served = self._serve_name(name)
            if type(message) in self._one_name:
                table[type(message)] = served
            elif len(table) < MOST_NAMES:
                table[name] = served
        return served

    def _serve_name(self, name: str) -> Served:
        ami, manager = self.shared.ami, self.manager
        with manager._event_callbacks_lock:
            callbacks = tuple(
                function
                for kind, wanted, function in manager._event_callbacks
                if kind == ami._CALLBACK_TYPE_UNIVERSAL
                or (kind == ami._CALLBACK_TYPE_REFERENCE and wanted == name)
            )
        return Served(name, self.shared.maker.class_of(name), callbacks)

    def _gather(self, event: Any) -> Any:
        """Offer the event to the aggregates that are open; the one that it finishes, or None.

        One with another ActionID must not keep it from the next, as it does in pystrix.
        """
        with self.manager._event_aggregates_lock:
            entries = self.manager._event_aggregates
            for entry in list(entries):
                aggregate = entry[1]
                taken = aggregate.evaluate_event(event)
                if taken:
                    _remove(entries, [entry])
                    return aggregate
                if taken is not None and aggregate.action_id == event.action_id:
                    return None
        return None

    def _tidy(self) -> None:
        """Once in a while let go of the aggregates and answers that waited too long."""
        if time.monotonic() < self._next_tidying:
            return
        self._next_tidying = time.monotonic() + TIDYING
        reader = self.manager._message_reader
        if reader and reader._served_requests:
            reader._clean_orphaned_responses()
        with self.manager._event_aggregates_lock:
            entries = self.manager._event_aggregates
            overdue = [entry for entry in entries if entry[0] <= time.time()]
            _remove(entries, overdue)
        for _, aggregate in overdue:
            complain(
                self.manager,
                "warning",
                f"the list {aggregate.name} with ActionID {aggregate.action_id!r} timed out; "
                "not all of its events came",
            )

    def _as_event(self, message: Any) -> Any:
        """pystrix's event of a message, which it may be already."""
        if not isinstance(message, Message):
            return message
        name = message.name or ""
        return self.shared.maker.event(message, name, self.shared.maker.class_of(name))

    # --- actions, in their callers' threads ---

    def send(self, request: Any, action_id: Any, headers: dict[str, Any]) -> Any:
        """Send an action and wait for what it is answered: pystrix's `_Response`, or None."""
        ami, manager = self.shared.ami, self.manager
        with manager._connection_lock:
            connection, reader = manager._connection, manager._message_reader
        if connection is None or not connection.is_connected():
            raise ami.ManagerError("this Manager is not connected to Asterisk")
        command, action_id = request.build_request(
            None if action_id is None else str(action_id), manager._get_host_action_id, **headers
        )
        # All that waits is set up before, as the answer may be there when send_message returns.
        events = manager._add_outstanding_request(action_id, request)
        aggregates = self._open_aggregates(request, action_id)
        self.mailbox.add_urgent(1)
        try:
            started = time.time()
            self._transmit(connection, command, aggregates)
            answer = self._await_answer(reader, request, action_id)
        finally:
            self.mailbox.add_urgent(-1)
            manager._serve_outstanding_request(action_id)
        if not answer.whole:
            self._complain_of(action_id, "not all of its events came")
        if answer.response is None:
            self._complain_of(action_id, "no response came")
            return None
        return ami._Response(
            result=answer.processed,
            response=answer.response,
            request=request,
            action_id=action_id,
            success=answer.success,
            time=time.time() - started,
            events=events,
            events_timeout=not answer.whole,
        )

    def _transmit(self, connection: Any, command: str, aggregates: list[Any]) -> None:
        try:
            connection.send_message(command)
        except BaseException:
            self._drop_aggregates(aggregates)
            raise

    def _await_answer(self, reader: Any, request: Any, action_id: str) -> _Answer:
        deadline = time.monotonic() + _seconds(request)
        response = self._await(reader, deadline, lambda: reader.get_response(action_id))
        if response is None:
            return _Answer(None, None, None, whole=not request.synchronous)
        processed = request.process_response(response)
        success = getattr(processed, "success", False)
        if not request.synchronous or not success:
            return _Answer(response, processed, success, whole=True)
        if not request.get_synchronous_classes()[2]:
            # It names no event that is its last: pystrix takes what comes in one of its polls.
            self._await(reader, min(deadline, time.monotonic() + GRACE), lambda: None)
            return _Answer(response, processed, success, whole=True)
        is_complete = self.manager._check_outstanding_request_complete
        whole = self._await(reader, deadline, lambda: is_complete(action_id) or None)
        return _Answer(response, processed, success, whole=bool(whole))

    def _await(self, reader: Any, deadline: float, find: Callable[[], Any]) -> Any:
        """What `find` finds before the deadline, and before the connection ends; else None."""
        with self.answered:
            while True:
                found = find()
                left = deadline - time.monotonic()
                if found is not None or left <= 0 or not reader._alive:
                    return found
                self.answered.wait(left)

    def _open_aggregates(self, request: Any, action_id: str) -> list[Any]:
        """Wait for the lists that a request announces, if it is to give them as aggregates."""
        if not request.aggregate or request.synchronous:
            return []
        manager = self.manager
        deadline = time.time() + manager._event_aggregates_timeout
        opened = [(deadline, cls(action_id)) for cls in request.get_aggregate_classes()]
        with manager._event_aggregates_lock:
            manager._event_aggregates.extend(opened)
        self.mailbox.wake()  # so that the dispatcher looks at their deadlines
        return opened

    def _drop_aggregates(self, dropped: list[Any]) -> None:
        with self.manager._event_aggregates_lock:
            _remove(self.manager._event_aggregates, dropped)

    def _complain_of(self, action_id: str, what: str) -> None:
        complain(self.manager, "warning", f"the action with ActionID {action_id!r}: {what} in time")


class _Answer(NamedTuple):
    """How an action was answered; `whole` is False if events of it are missing."""

    response: Any
    processed: Any
    success: Any
    whole: bool


def complain(manager: Any, level: str, text: str) -> None:
    """Log as pystrix does: by the manager's logger, else as a warning."""
    if manager._logger:
        getattr(manager._logger, level)(text)
        return
    try:
        warnings.warn(text, stacklevel=3)
    except Warning:  # where warnings are errors; a thread that serves others must not end by one
        logging.getLogger("amistream").warning("%s", text)


def _seconds(request: Any) -> float:
    """How long a request may take: an Originate has its timeout in milliseconds."""
    timeout: float = request.timeout
    return timeout / 1000 if request["Action"] == "Originate" else timeout


def _remove(entries: list[Any], removed: list[Any]) -> None:
    """Take out these very entries; equal ones stay."""
    gone = {id(entry) for entry in removed}
    entries[:] = [entry for entry in entries if id(entry) not in gone]
