"""One connection: uvicorn's, with limits on what it may do before a request has begun.

uvicorn waits for ever for the rest of a request's head and keeps all of it, and its own refusals are plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vestige.web import envelope, limits

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with limits on connections, on a request's head, and on the time that a request takes in all."""

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > limits.CONNECTIONS:
            self._refuse(503, "busy", "too many connections")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; of a head only so much."""
        if self.transport.is_closing():
            return
        if self._timer is None:  # the connection was idle
            self._await_head()
        self._head_bytes += len(data) if self._in_head else 0
        super().data_received(data)
        if self._in_head and self._head_bytes > limits.HEAD_BYTES:
            self._refuse(431, "head-too-large", f"a request's head may have {limits.HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        """Go from the head's limits to those of the body."""
        self._in_head = False
        self._start_timer(limits.BODY_SECONDS, self._body_is_late)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Leave the application some time, and the client to take the answer."""
        self._start_timer(limits.ANSWER_SECONDS, self.transport.abort)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """End the connection if what was answered is still being sent: nobody is going to read that."""
        self._stop_timer()
        if self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, "malformed", msg.rstrip(".").lower())

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing about it: the request goes on as if the upgrade had not been asked for."""

    def _await_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._start_timer(limits.HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._refuse(408, "slow", f"the request's head did not arrive within {limits.HEAD_SECONDS:g} s")

    def _body_is_late(self) -> None:
        self._refuse(408, "slow", f"the body did not arrive within {limits.BODY_SECONDS:g} s")

    def _start_timer(self, seconds: float, late: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            self.transport.write(envelope.raw(status, code, message))
            self.transport.close()
