"""Wire the nodes that clean and join."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.data_processing import nodes


def create_pipeline() -> Pipeline:
    """Raw tables in, `joined_flights` out."""
    return Pipeline(
        [
            Node(
                nodes.clean_flights,
                inputs=["raw_flights", "params:late_after_minutes"],
                outputs="clean_flights",
                name="clean_flights",
            ),
            Node(
                nodes.clean_weather,
                inputs="raw_weather",
                outputs="clean_weather",
                name="clean_weather",
            ),
            Node(
                nodes.join_weather,
                inputs=["clean_flights", "clean_weather"],
                outputs="flights_with_weather",
                name="join_weather",
            ),
            Node(
                nodes.join_reference,
                inputs=["flights_with_weather", "raw_planes", "raw_airports", "raw_airlines"],
                outputs="joined_flights",
                name="join_reference",
            ),
        ]
    )
