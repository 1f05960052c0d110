"""Advice of charge: what a call costs, as ISDN reports it.

Asterisk sends nested values with their path as the header name: `Charge/Currency/Cost`.
"""

from __future__ import annotations

from amistream.events._snapshots import ChannelEvent
from amistream.headers import Int, Numbered, Text

__all__ = [
    "AOC_D",
    "AOC_E",
    "AOC_S",
]


class _ChargeEvent(ChannelEvent):
    """A charge, in a currency or in units; the price is `cost` times `multiplier`."""

    __slots__ = ()

    charge = Text("Charge")
    type = Text("Charge/Type", "Type")
    billing_id = Text("Charge/BillingID", "BillingID")
    total_type = Text("Charge/TotalType", "TotalType")
    currency = Text("Currency")
    currency_name = Text("Charge/Currency/Name", "Name")
    cost = Int("Charge/Currency/Cost", "Cost")
    multiplier = Text("Charge/Currency/Multiplier", "Multiplier")
    units = Text("Units")
    number_of = Numbered(Text("Charge/Units(<N>)/NumberOf"))
    type_of = Numbered(Text("Charge/Units(<N>)/TypeOf"))


class AOC_D(_ChargeEvent, name="AOC-D"):
    """Advice of charge during a call."""

    __slots__ = ()


class AOC_E(_ChargeEvent, name="AOC-E"):
    """Advice of charge at the end of a call, and the account that pays."""

    __slots__ = ()

    charging_association = Text("ChargingAssociation")
    number = Text("ChargingAssociation/Number", "Number")
    plan = Int("ChargingAssociation/Plan", "Plan")
    id = Int("ChargingAssociation/ID", "ID")


class AOC_S(ChannelEvent, name="AOC-S"):
    """Advice of charge at the setup of a call: its rates."""

    __slots__ = ()

    chargeable = Text("Chargeable")
    rate_type = Text("RateType")
    currency = Text("Currency")
    currency_name = Text("Name")
    cost = Int("Cost")
    multiplier = Text("Multiplier")
    charging_type = Text("ChargingType")
    step_function = Text("StepFunction")
    granularity = Text("Granularity")
    length = Int("Length")
    scale = Int("Scale")
    unit = Text("Unit")
    special_code = Int("SpecialCode")
