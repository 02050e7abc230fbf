"""From the raw tables to one clean table, a row a flight."""

from flights.pipelines.data_processing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
