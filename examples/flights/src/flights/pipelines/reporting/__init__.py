"""Who is late, when, and a chart of it."""

from flights.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
