"""What a pystrix Manager does with messages: its reader's thread, its callbacks, its actions."""

from __future__ import annotations

import importlib
import logging
import queue
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from amistream import _registry
from amistream.compat.pystrix.mailbox import Mailbox
from amistream.compat.pystrix.messages import MessageFactory
from amistream.compat.pystrix.options import Options
from amistream.compat.pystrix.reading import Connection
from amistream.messages import Event, Message

ami: Any = importlib.import_module("pystrix.ami.ami")

CLEANUP_INTERVAL: Final = 1.0
"""Seconds between two checks for lists and answers that wait for too long."""
AHEAD: Final = 2000
"""How many events the reader may be ahead of the callbacks before it waits for them."""
SHORT_WAIT: Final = 0.02
"""Seconds that the reader then waits."""
LONG_WAIT: Final = 1.0
"""Seconds that the reader waits at the bound of queued events before a warning reports it."""
GRACE: Final = 0.05
"""Seconds that a synchronous request which names no last event waits for its events."""
MAX_KEPT: Final = 1024
"""How many responses may wait for the threads that sent the actions; others are orphans at once."""
MAX_SHOWN: Final = 256
"""How many warnings Python may remember, so that it shows each text once."""
LONGEST_SHOWN: Final = 4096
"""The longest text that it may remember, in characters."""

Callbacks = tuple[Callable[[Any, Any], object], ...]
Route = tuple[str, type[dict[str, str]], Callbacks]
"""What is done with the events of one name: the name, pystrix's class, and the callbacks."""


class Routes(dict[type | str, Route]):
    """The routes by amistream's class if it serves only one name, else by the event's name.

    Names are only kept if a callback was registered for them, so that the stream adds none.

    named: the events' names that callbacks were registered for.
    universal: the callbacks for all events.
    """

    def __init__(self, named: frozenset[str], universal: Callbacks) -> None:
        self.named = named
        self.universal = universal


NO_ROUTES: Final = Routes(frozenset(), ())
"""In the place of routes that must be made again; nothing is added to it."""


class SharedState:
    """What all managers share: the options, and the factory of their messages."""

    def __init__(self) -> None:
        self.factory = MessageFactory()
        self.installed = False
        self.options = Options()


class ManagerState:
    """The drop-in's own state of one Manager."""

    def __init__(self, manager: Any, shared: SharedState) -> None:
        self.manager = manager
        self.shared = shared
        self.mailbox = Mailbox(shared.factory)
        self.answered = threading.Condition()
        self._routes = NO_ROUTES
        self._known = (0, 0)
        self._one_name_classes: frozenset[type] = frozenset()
        self._next_cleanup = 0.0

    def forget_routes(self) -> None:
        """Called when callbacks changed."""
        self._routes = NO_ROUTES

    def wake(self) -> None:
        """Make the threads that wait check their conditions again."""
        self.mailbox.wake()
        with self.answered:
            self.answered.notify_all()

    # --- the reader's thread ---

    def read(self, reader: Any, connection: Connection) -> None:
        """Read until the connection ends or the reader is killed."""
        self._take_over(reader)
        try:
            while reader._alive:
                messages = connection.read()
                if messages:
                    self._take(reader, messages, connection.count_bytes())
                self._report_too_large(connection)
                self._limit_queue(reader)
        except ami.ManagerSocketError as error:
            logging.getLogger("amistream").debug("%s", error)
        finally:
            reader.kill()
            self.wake()

    def _take_over(self, reader: Any) -> None:
        """Put the mailbox in the place of the reader's queue, and move the queued events to it."""
        before, reader.event_queue = reader.event_queue, self.mailbox
        with suppress(queue.Empty):
            while before is not self.mailbox:
                self.mailbox.put(before.get_nowait())

    def _take(self, reader: Any, messages: list[Message], size: int) -> None:
        events: list[Any] = messages
        if not all([isinstance(message, Event) for message in messages]):  # noqa: C419 (faster)
            events = self._keep_responses(reader, messages)
        if any(list(self.manager._outstanding_requests.values())):
            events = [event for event in events if not self._goes_to_request(event)]
        if self.manager._debug:
            self._report_unknown(events)
        self.mailbox.put_batch(events, len(messages) - len(events), size)

    def _keep_responses(self, reader: Any, messages: list[Message]) -> list[Any]:
        """Keep the responses for the actions that wait; return the rest.

        The rest is the events, and the other messages that pystrix treats as events.
        """
        events: list[Any] = []
        for message in messages:
            other = None if isinstance(message, Event) else self.shared.factory.other(message)
            if other is None or dict.__contains__(other, "Event"):
                events.append(message if other is None else other)
            elif other.action_id is None:
                reader.response_queue.put(other)
            else:
                self._keep_response(reader, other)
        self.wake()
        return events

    def _keep_response(self, reader: Any, response: Any) -> None:
        """Keep a response for its action, up to a deadline; a second response is an orphan.

        So is a response that finds MAX_KEPT others: nobody waits for so many.
        """
        # pystrix looks at all deadlines here, which is quadratic. `_clean_up` does it instead.
        now, served, orphan = time.time(), reader._served_requests, response
        with reader._served_requests_lock:
            kept, deadline = served.get(response.action_id, (None, 0.0))
            has_room = response.action_id in served or len(served) < MAX_KEPT
            if deadline <= now and has_room:
                served[response.action_id] = (response, now + reader._orphaned_response_timeout)
                orphan = kept
        if orphan is not None:
            reader.response_queue.put(orphan)

    def _goes_to_request(self, event: Any) -> bool:
        """Give the event to the synchronous request with its ActionID, if there is one."""
        if not self.manager._outstanding_requests.get(event.action_id):
            return False
        is_taken: bool = self.manager._process_outstanding_request_event(self._as_event(event))
        if is_taken:
            with self.answered:
                self.answered.notify_all()
        return is_taken

    def _limit_queue(self, reader: Any) -> None:
        """Wait for the callbacks: shortly if they are behind, at the bound until half are done.

        A long queue costs memory, CPU caches and time of the GC. But Asterisk closes a connection
        that is not read at all. So below the bound the reader goes on, with larger blocks.
        """
        mailbox, options = self.mailbox, self.shared.options
        events, size = options.max_queued, options.max_queued_bytes

        def is_over() -> bool:
            return not (reader._alive and self.manager._alive)

        if mailbox.qsize() > AHEAD:
            mailbox.wait_for_at_most(AHEAD // 2, size, SHORT_WAIT, is_over)
        has_many = mailbox.qsize() > events
        if not has_many and mailbox.size <= size:
            return
        if mailbox.wait_for_at_most(events // 2, size // 2, LONG_WAIT, is_over):
            return
        report(
            self.manager,
            "warning",
            f"{mailbox.qsize()} messages of {mailbox.size} bytes wait for callbacks that are too "
            "slow; reading pauses until half of them are done, because of "
            + (f"max_queued={events}" if has_many else f"max_queued_bytes={size}"),
        )
        while not mailbox.wait_for_at_most(events // 2, size // 2, LONG_WAIT, is_over):
            pass

    def _report_too_large(self, connection: Connection) -> None:
        if connection.too_large:
            report(
                self.manager,
                "warning",
                f"skipped {connection.too_large} messages longer than "
                f"{self.shared.options.max_message} bytes",
            )
            connection.too_large = 0

    def _report_unknown(self, events: list[Any]) -> None:
        for event in events:
            if self.shared.factory.class_of(event.name) is ami._Event:
                report(self.manager, "warning", f"no class for the event {event!r}")

    # --- the callbacks' thread ---

    def dispatch(self) -> None:
        """Call the callbacks until the manager is closed, or the drop-in is uninstalled."""
        while self.manager._alive and self.shared.installed:
            batch = self.mailbox.take_batch(self._time_to_cleanup())
            self._refresh()
            self._deliver_batch(batch)
            self._clean_up()
            reader = self.manager._message_reader
            while reader and self.manager._event_dispatcher_orphaned_responses(reader):
                pass

    def _time_to_cleanup(self) -> float | None:
        reader = self.manager._message_reader
        waiting = self.manager._event_aggregates or (reader and reader._served_requests)
        return CLEANUP_INTERVAL if waiting else None

    def _refresh(self) -> None:
        """Notice new imports and newly registered classes, of pystrix or amistream."""
        self.shared.factory.detect_storage_readers()
        known = (self.shared.factory.registered, len(_registry.classes))
        if known != self._known:
            self._known = known
            counts = Counter(_registry.classes.values())
            self._one_name_classes = frozenset(cls for cls, names in counts.items() if names == 1)
            self.forget_routes()

    def _deliver_batch(self, batch: list[Any]) -> None:
        manager, make = self.manager, self.shared.factory.event
        aggregates, logger = manager._event_aggregates, manager._logger
        for message in batch:
            if not manager._alive:
                return
            name, cls, callbacks = self._routes.get(type(message)) or self._find_route(message)
            if not (callbacks or aggregates or logger):
                continue
            event = message if isinstance(message, dict) else make(message, name, cls)
            finished = self._aggregate(event) if aggregates else None
            if logger:
                logger.debug(f"{name} goes to {len(callbacks)} callbacks")
            for callback in callbacks:
                try:
                    callback(event, manager)
                except Exception as error:  # noqa: PERF203 (one more call would cost more)
                    self._report_failure(callback, event, error)
            if finished is not None:
                self._deliver_batch([finished])

    def _report_failure(self, callback: object, event: Any, error: Exception) -> None:
        report(
            self.manager,
            "error",
            f"the callback {callback!r} failed with {error!r} on {event!r}\n"
            f"{traceback.format_exc()}",
        )

    def _find_route(self, message: Any) -> Route:
        """The route of a message that has none under its class."""
        routes, name = self._routes, message.name or ""
        if routes is NO_ROUTES:
            routes = self._make_routes()
        route = routes.get(name)
        if route is None:
            is_named = name in routes.named
            callbacks = self._callbacks_of(name) if is_named else routes.universal
            route = (name, self.shared.factory.class_of(name), callbacks)
            if type(message) in self._one_name_classes:
                routes[type(message)] = route
            elif is_named:
                routes[name] = route
        return route

    def _make_routes(self) -> Routes:
        manager = self.manager
        # Under the lock: else a callback that is registered meanwhile may be missing for ever.
        with manager._event_callbacks_lock:
            registered = manager._event_callbacks
            named = frozenset(
                name for kind, name, _ in registered if kind == ami._CALLBACK_TYPE_REFERENCE
            )
            universal = tuple(
                function for kind, _, function in registered if kind == ami._CALLBACK_TYPE_UNIVERSAL
            )
            # Not read back: another thread may have put NO_ROUTES there.
            made = self._routes = Routes(named, universal)
            return made

    def _callbacks_of(self, name: str) -> Callbacks:
        """The callbacks for the events with this name and for all events, as registered."""
        manager = self.manager
        with manager._event_callbacks_lock:
            return tuple(
                function
                for kind, wanted, function in manager._event_callbacks
                if kind == ami._CALLBACK_TYPE_UNIVERSAL
                or (kind == ami._CALLBACK_TYPE_REFERENCE and wanted == name)
            )

    def _aggregate(self, event: Any) -> Any:
        """Offer the event to the open aggregates. Return the one that it finishes, or None.

        In pystrix, an aggregate with another ActionID can take the event away from the right one.
        Here only the aggregate with the event's ActionID ends the search.
        """
        with self.manager._event_aggregates_lock:
            entries = self.manager._event_aggregates
            for entry in list(entries):
                aggregate = entry[1]
                is_finished = aggregate.evaluate_event(event)
                if is_finished:
                    _remove(entries, [entry])
                    return aggregate
                if is_finished is not None and aggregate.action_id == event.action_id:
                    return None
        return None

    def _clean_up(self) -> None:
        """From time to time, drop the aggregates and answers whose deadline has passed."""
        if time.monotonic() < self._next_cleanup:
            return
        self._next_cleanup = time.monotonic() + CLEANUP_INTERVAL
        reader = self.manager._message_reader
        if reader and reader._served_requests:
            reader._clean_orphaned_responses()
        with self.manager._event_aggregates_lock:
            entries = self.manager._event_aggregates
            overdue = [entry for entry in entries if entry[0] <= time.time()]
            _remove(entries, overdue)
        for _, aggregate in overdue:
            report(
                self.manager,
                "warning",
                f"the list {aggregate.name} with ActionID {aggregate.action_id!r} timed out; "
                "some of its events did not come",
            )

    def _as_event(self, message: Any) -> Any:
        """pystrix's event of a message; the message itself if pystrix made it."""
        if not isinstance(message, Message):
            return message
        name = message.name or ""
        return self.shared.factory.event(message, name, self.shared.factory.class_of(name))

    # --- actions, in the threads of their callers ---

    def send(self, request: Any, action_id: Any, headers: dict[str, Any]) -> Any:
        """Send an action and wait for its answer: pystrix's `_Response`, or None."""
        manager = self.manager
        with manager._connection_lock:
            connection, reader = manager._connection, manager._message_reader
        if connection is None or not connection.is_connected():
            raise ami.ManagerError("this Manager is not connected to Asterisk")
        command, action_id = request.build_request(
            None if action_id is None else str(action_id), manager._get_host_action_id, **headers
        )
        # Everything is set up before the send: the answer may be there when send_message returns.
        events = manager._add_outstanding_request(action_id, request)
        aggregates = self._open_aggregates(request, action_id)
        self.mailbox.add_pending_actions(1)
        try:
            started = time.time()
            self._transmit(connection, command, aggregates)
            answer = self._wait_for_answer(reader, request, action_id)
        finally:
            self.mailbox.add_pending_actions(-1)
            manager._serve_outstanding_request(action_id)
        if not answer.is_complete:
            self._report_action(action_id, "some of its events did not come")
        if answer.response is None:
            self._report_action(action_id, "no response came")
            return None
        return ami._Response(
            result=answer.processed,
            response=answer.response,
            request=request,
            action_id=action_id,
            success=answer.success,
            time=time.time() - started,
            events=events,
            events_timeout=not answer.is_complete,
        )

    def _transmit(self, connection: Any, command: str, aggregates: list[Any]) -> None:
        try:
            connection.send_message(command)
        except BaseException:
            self._drop_aggregates(aggregates)
            raise

    def _wait_for_answer(self, reader: Any, request: Any, action_id: str) -> _Answer:
        deadline = time.monotonic() + _timeout_of(request)
        response = self._wait(reader, deadline, lambda: reader.get_response(action_id))
        if response is None:
            return _Answer(None, None, None, is_complete=not request.synchronous)
        processed = request.process_response(response)
        success = getattr(processed, "success", False)
        if not request.synchronous or not success:
            return _Answer(response, processed, success, is_complete=True)
        if not request.get_synchronous_classes()[2]:
            # It names no last event. pystrix takes the events that come during one of its polls.
            self._wait(reader, min(deadline, time.monotonic() + GRACE), lambda: None)
            return _Answer(response, processed, success, is_complete=True)
        is_complete = self.manager._check_outstanding_request_complete
        complete = self._wait(reader, deadline, lambda: is_complete(action_id) or None)
        return _Answer(response, processed, success, is_complete=bool(complete))

    def _wait(self, reader: Any, deadline: float, find: Callable[[], Any]) -> Any:
        """Wait until `find` returns something; None at the deadline or the connection's end."""
        with self.answered:
            while True:
                found = find()
                left = deadline - time.monotonic()
                if found is not None or left <= 0 or not reader._alive:
                    return found
                self.answered.wait(left)

    def _open_aggregates(self, request: Any, action_id: str) -> list[Any]:
        """Open the aggregates of a request that asks for its lists as aggregates."""
        if not request.aggregate or request.synchronous:
            return []
        manager = self.manager
        deadline = time.time() + manager._event_aggregates_timeout
        opened = [(deadline, cls(action_id)) for cls in request.get_aggregate_classes()]
        with manager._event_aggregates_lock:
            manager._event_aggregates.extend(opened)
        self.mailbox.wake()  # so that the dispatcher checks their deadlines
        return opened

    def _drop_aggregates(self, dropped: list[Any]) -> None:
        with self.manager._event_aggregates_lock:
            _remove(self.manager._event_aggregates, dropped)

    def _report_action(self, action_id: str, problem: str) -> None:
        text = f"the action with ActionID {action_id!r}: {problem} in time"
        report(self.manager, "warning", text)


class _Answer(NamedTuple):
    """The answer to an action; `is_complete` is False if some of its events are missing."""

    response: Any
    processed: Any
    success: Any
    is_complete: bool


def report(manager: Any, level: str, text: str) -> None:
    """Report a problem as pystrix does: to the manager's logger, or as a warning without one."""
    if manager._logger:
        getattr(manager._logger, level)(text)
        return
    try:
        warnings.warn(text, stacklevel=3)
        _forget_warnings(text)
    except Warning:  # warnings may be errors, but a thread that serves others must not end
        logging.getLogger("amistream").warning("%s", text)


def _forget_warnings(text: str) -> None:
    """Bound the memory that Python needs to show each text once: it keeps the texts in a dict."""
    shown = globals().get("__warningregistry__", {})
    if len(text) > LONGEST_SHOWN or len(shown) > MAX_SHOWN:
        shown.clear()


def _timeout_of(request: Any) -> float:
    """The timeout of a request, in seconds. An Originate has it in milliseconds."""
    timeout: float = request.timeout
    return timeout / 1000 if request["Action"] == "Originate" else timeout


def _remove(entries: list[Any], removed: list[Any]) -> None:
    """Remove exactly these objects; other objects that are equal stay."""
    gone = {id(entry) for entry in removed}
    entries[:] = [entry for entry in entries if id(entry) not in gone]
