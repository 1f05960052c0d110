"""The namespace: every event class and aggregate, in whichever module it is defined."""

from __future__ import annotations

from amistream import _registry, aggregates
from amistream.aggregates import *
from amistream.events import (
    agents,
    agi,
    aoc,
    bridges,
    call_completion,
    cdr,
    channels,
    conference,
    dahdi,
    database,
    dialplan,
    drivers,
    fax,
    local,
    meetme,
    parking,
    pjsip,
    queues,
    recording,
    rtp,
    security,
    sip,
    states,
    system,
    transfers,
    voicemail,
)
from amistream.events.agents import *
from amistream.events.agi import *
from amistream.events.aoc import *
from amistream.events.bridges import *
from amistream.events.call_completion import *
from amistream.events.cdr import *
from amistream.events.channels import *
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

__all__: list[str] = []
__all__ += aggregates.__all__
__all__ += agents.__all__
__all__ += agi.__all__
__all__ += aoc.__all__
__all__ += bridges.__all__
__all__ += call_completion.__all__
__all__ += cdr.__all__
__all__ += channels.__all__
__all__ += conference.__all__
__all__ += dahdi.__all__
__all__ += database.__all__
__all__ += dialplan.__all__
__all__ += drivers.__all__
__all__ += fax.__all__
__all__ += local.__all__
__all__ += meetme.__all__
__all__ += parking.__all__
__all__ += pjsip.__all__
__all__ += queues.__all__
__all__ += recording.__all__
__all__ += rtp.__all__
__all__ += security.__all__
__all__ += sip.__all__
__all__ += states.__all__
__all__ += system.__all__
__all__ += transfers.__all__
__all__ += voicemail.__all__

for _value in [globals()[_name] for _name in __all__]:
    if isinstance(_value, type) and issubclass(_value, Event):
        _registry.register(_value, _value._event_name)

_registry.register(channels.Newexten, "NewExten")  # as Asterisk's documentation spells it
NewExten = channels.Newexten
__all__ += ["NewExten"]
