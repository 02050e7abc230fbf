"""The kinds of the spans that the plugin writes (`Span.kind`)."""

from __future__ import annotations

RUN = "kedro.run"  # a pipeline
NODE = "kedro.node"
LOAD = "kedro.load"
SAVE = "kedro.save"
