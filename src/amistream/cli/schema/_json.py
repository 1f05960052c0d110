"""The declared events and lists for programs, as JSON."""

from __future__ import annotations

from typing import Any

import amistream
from amistream.cli.schema._declared import (
    Declaration,
    Declared,
    Headers,
    ListDeclaration,
    enumerations,
    envelope,
    type_for_programs,
)


def to_dict(declared: Declared) -> dict[str, Any]:
    """Everything that the declarations say."""
    return {
        "amistream": amistream.__version__,
        "envelope": _headers_to_list(envelope()),
        "events": {name: _event_to_dict(event) for name, event in declared.events.items()},
        "lists": {action: _list_to_dict(one) for action, one in declared.lists.items()},
        "enumerations": {
            name: {member.name: member.value for member in members}
            for name, members in enumerations(declared.events.values()).items()
        },
    }


def _event_to_dict(event: Declaration) -> dict[str, Any]:
    return {
        "class": event.cls.__name__,
        "module": event.cls.__module__,
        "names": event.names,
        "doc": event.doc,
        "headers": _headers_to_list(event.headers),
    }


def _headers_to_list(headers: Headers) -> list[dict[str, Any]]:
    return [
        {
            "name": header.names[0],
            "names": header.names,
            "attribute": attribute,
            **type_for_programs(header),
        }
        for attribute, header in headers.items()
    ]


def _list_to_dict(one: ListDeclaration) -> dict[str, Any]:
    return {
        "class": one.cls.__name__,
        "module": one.cls.__module__,
        "doc": one.doc,
        "members": one.members,
        "finisher": one.finisher,
    }
