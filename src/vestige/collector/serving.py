"""Runs the application until it is told to stop."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from vestige.collector import app
from vestige.web import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from vestige.collector.collector import Collector
    from vestige.web.listening import Address

ENDING_SECONDS = 10  # for what is being answered when the server is told to stop


def serve(collector: Collector, address: Address, started: Callable[[str], None]) -> None:
    """Answer requests until a signal comes; `started` is told the URL. Raises ServerError."""
    with listening.listener(address) as socket:
        started(listening.url(socket))
        gc.freeze()  # the modules stay: looking through them again and again costs a page nearly half of its time
        made = listening.server(app.build(collector), ending=ENDING_SECONDS, behind=address.behind)
        made.run(sockets=[socket])
