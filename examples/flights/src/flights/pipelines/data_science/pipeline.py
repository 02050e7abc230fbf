"""Wire the nodes that learn."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.data_science import nodes


def create_pipeline() -> Pipeline:
    """`joined_flights` in, a model and what it is worth out."""
    return Pipeline(
        [
            Node(
                nodes.build_features,
                inputs=["joined_flights", "params:features"],
                outputs="features",
                name="build_features",
            ),
            Node(
                nodes.split_by_date,
                inputs=["features", "params:test_from"],
                outputs=["train", "test"],
                name="split_by_date",
            ),
            Node(
                nodes.train_model,
                inputs=["train", "params:model"],
                outputs="delay_model",
                name="train_model",
            ),
            Node(
                nodes.evaluate_model,
                inputs=["delay_model", "train", "test"],
                outputs="model_metrics",
                name="evaluate_model",
            ),
            Node(
                nodes.rank_features,
                inputs=["delay_model", "test", "params:importance"],
                outputs="feature_importance",
                name="rank_features",
            ),
        ]
    )
