"""Features, model, evaluation."""

from typing import Any

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "hour",
    "minute",
    "distance",
    "seats",
    "dest_lat",
    "dest_lon",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "pressure",
    "visib",
    "rain_3h",
]
NOT_FEATURES = ["date", "late"]


def build_features(flights: pd.DataFrame, options: dict[str, Any]) -> pd.DataFrame:
    """Return what is known of each flight before it leaves, and whether it came late.

    Nothing of the flight's own times is among the features, and of other flights only what
    happened on days before its own. The weather is the observed one: it stands for a forecast.

    Args:
        flights: one row a flight; those that never arrived are left out.
        options: `history_days`, how many days before its own a flight's history reaches back.
    """
    hourly = flights.groupby(["origin", "time_hour"])["flight"].transform("size")
    flights = flights.assign(
        weekday=flights["date"].dt.day_of_week,
        plane_age=flights["date"].dt.year - flights["built"],
        departures_in_hour=hourly,
    )
    added = ["weekday", "plane_age", "departures_in_hour"]
    for keys in (["carrier", "origin"], ["dest"]):
        name = f"late_before_{keys[0]}"
        history = _late_share_before(flights, keys, days=options["history_days"], name=name)
        flights = flights.merge(history, on=["date", *keys], how="left", validate="many_to_one")
        added.append(name)
    arrived = flights[flights["late"].notna()]
    features = arrived[[*NOT_FEATURES, *CATEGORIES, *NUMBERS, *added]]
    return features.astype(dict.fromkeys(CATEGORIES, "category")).reset_index(drop=True)


def _late_share_before(
    flights: pd.DataFrame,
    keys: list[str],
    *,
    days: int,
    name: str,
) -> pd.DataFrame:
    """Return a row a date and group, with the late share of the `days` days before in `name`.

    It is missing where the group had no flight in these days.
    """
    daily = flights.pivot_table(
        index="date",
        columns=keys,
        values="late",
        aggfunc=["sum", "count"],
        fill_value=0,
    )
    before = daily.rolling(days, min_periods=1).sum().shift(1)
    share = before["sum"] / before["count"].where(before["count"] > 0)
    history: pd.DataFrame = share.melt(ignore_index=False, value_name=name)
    return history.reset_index()


def split_by_date(features: pd.DataFrame, test_from: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the flights before the day `test_from` and those since: the past and the future."""
    future = features["date"] >= test_from
    return features[~future].reset_index(drop=True), features[future].reset_index(drop=True)


def train_model(train: pd.DataFrame, options: dict[str, Any]) -> HistGradientBoostingClassifier:
    """Fit gradient boosted trees; `options` are scikit-learn's names for their settings."""
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", **options)
    return model.fit(train.drop(columns=NOT_FEATURES), train["late"])


def evaluate_model(
    model: HistGradientBoostingClassifier,
    train: pd.DataFrame,
    test: pd.DataFrame,
) -> dict[str, float]:
    """Return how well the model foresees the test flights.

    The model to beat gives every flight the share of late ones in training: its Brier score is
    `brier_score_of_guess`.
    """
    late = test["late"]
    foreseen = model.predict_proba(test.drop(columns=NOT_FEATURES))[:, 1]
    guess = train["late"].mean()
    figures = {
        "train_late_share": guess,
        "test_late_share": late.mean(),
        "roc_auc": roc_auc_score(late, foreseen),
        "average_precision": average_precision_score(late, foreseen),
        "log_loss": log_loss(late, foreseen),
        "brier_score": brier_score_loss(late, foreseen),
        "brier_score_of_guess": ((late - guess) ** 2).mean(),
    }
    rounded = {name: round(float(figure), 6) for name, figure in figures.items()}
    return {"train_flights": len(train), "test_flights": len(test)} | rounded


def rank_features(
    model: HistGradientBoostingClassifier,
    test: pd.DataFrame,
    options: dict[str, Any],
) -> pd.DataFrame:
    """Return by how much the ROC AUC falls when a feature is shuffled, the largest fall first.

    Args:
        model: the trained model.
        test: flights that it has not seen.
        options: `sample`, the flights to draw; `repeats`, the shuffles a feature; `seed`.
    """
    sample = test.sample(options["sample"], random_state=options["seed"])
    features = sample.drop(columns=NOT_FEATURES)
    importance = permutation_importance(
        model,
        features,
        sample["late"],
        scoring="roc_auc",
        n_repeats=options["repeats"],
        random_state=options["seed"],
    )
    ranked = pd.DataFrame(
        {
            "feature": features.columns,
            "mean": importance.importances_mean,
            "std": importance.importances_std,
        }
    )
    return ranked.sort_values("mean", ascending=False)
