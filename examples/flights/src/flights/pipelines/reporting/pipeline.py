"""Wire the nodes that count and draw."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.reporting import nodes


def create_pipeline() -> Pipeline:
    """`joined_flights` in, two tables and a chart out."""
    return Pipeline(
        [
            Node(
                nodes.delay_by_carrier,
                inputs="joined_flights",
                outputs="delay_by_carrier",
                name="delay_by_carrier",
            ),
            Node(
                nodes.delay_by_hour_and_month,
                inputs="joined_flights",
                outputs="delay_by_hour_and_month",
                name="delay_by_hour_and_month",
            ),
            Node(
                nodes.plot_delays,
                inputs=[
                    "delay_by_carrier",
                    "delay_by_hour_and_month",
                    "params:late_after_minutes",
                ],
                outputs="delay_chart",
                name="plot_delays",
            ),
        ]
    )
