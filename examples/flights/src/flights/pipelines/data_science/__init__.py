"""Which flights will be late, by what is known before they leave."""

from flights.pipelines.data_science.pipeline import create_pipeline

__all__ = ["create_pipeline"]
