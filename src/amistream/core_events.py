"""The namespace of every event class and aggregate, in whichever module it is defined.

Importing it registers the event classes, so that parsers build them.
"""

import typing as _typing

from amistream import _registry
from amistream.aggregates import EventList_Aggregate as EventList_Aggregate
from amistream.events.agents import *
from amistream.events.agi import *
from amistream.events.aoc import *
from amistream.events.bridges import *
from amistream.events.call_completion import *
from amistream.events.cdr import *
from amistream.events.channels import *
from amistream.events.channels import Newexten as NewExten
from amistream.events.conference import *
from amistream.events.dahdi import *
from amistream.events.database import *
from amistream.events.dialplan import *
from amistream.events.drivers import *
from amistream.events.fax import *
from amistream.events.local import *
from amistream.events.meetme import *
from amistream.events.parking import *
from amistream.events.pjsip import *
from amistream.events.queues import *
from amistream.events.recording import *
from amistream.events.rtp import *
from amistream.events.security import *
from amistream.events.sip import *
from amistream.events.states import *
from amistream.events.system import *
from amistream.events.transfers import *
from amistream.events.voicemail import *
from amistream.messages import Event

if not _typing.TYPE_CHECKING:  # type checkers follow the imports, and no computed list
    __all__ = [name for name in globals() if not name.startswith("_") and name != "Event"]

for _value in list(globals().values()):
    if isinstance(_value, type) and issubclass(_value, Event) and _value is not Event:
        _registry.register(_value, _value._event_name)

_registry.register(NewExten, "NewExten")  # as Asterisk's documentation spells Newexten
