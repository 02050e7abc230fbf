"""How much a connection may ask for before an application has seen anything of it."""

from __future__ import annotations

HEAD_BYTES = 16_384
HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
ANSWER_SECONDS = 60.0
KEEP_ALIVE_SECONDS = 5
CONNECTIONS = 512
