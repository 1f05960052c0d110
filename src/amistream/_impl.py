"""The one switch between the twins: the compiled one if it is built, else the pure one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

NO_EXTENSIONS = "AMISTREAM_NO_EXTENSIONS"
REQUIRE_EXTENSIONS = "AMISTREAM_REQUIRE_EXTENSIONS"


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "") not in ("", "0")


PURE_REASON: str | None = None
"""Why the pure twin is loaded, or None when the compiled one is."""

if TYPE_CHECKING:
    from amistream._pure import IMPLEMENTATION, Header, MessageCore, Parser
elif _is_set(NO_EXTENSIONS):
    from amistream._pure import IMPLEMENTATION, Header, MessageCore, Parser

    PURE_REASON = f"{NO_EXTENSIONS} is set"
else:
    try:
        from amistream._compiled import IMPLEMENTATION, Header, MessageCore, Parser
    except ImportError as error:
        if _is_set(REQUIRE_EXTENSIONS):
            raise ImportError(
                f"{REQUIRE_EXTENSIONS} is set, but the compiled twin cannot be loaded: {error}"
            ) from error
        from amistream._pure import IMPLEMENTATION, Header, MessageCore, Parser

        PURE_REASON = f"the compiled twin cannot be loaded: {error}"

__all__ = ["IMPLEMENTATION", "PURE_REASON", "Header", "MessageCore", "Parser"]
