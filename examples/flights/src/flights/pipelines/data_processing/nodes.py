"""Clean the raw tables and join them."""

import pandas as pd

FLIGHT_COLUMNS = [
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "month",
    "hour",
    "minute",
    "distance",
    "dep_delay",
    "arr_delay",
    "time_hour",
]
WEATHER_COLUMNS = ["temp", "dewp", "humid", "wind_speed", "wind_gust", "pressure", "visib"]
FASTEST_WIND = 150.0
"""Miles per hour; the table holds one wind of 1,048, which is an error of the instrument."""


def clean_flights(flights: pd.DataFrame, late_after_minutes: int) -> pd.DataFrame:
    """Return the flights with `date`, `cancelled` and `late`.

    `late` is 1 or 0, and missing for a flight that never arrived where it was bound for.
    """
    arrived = flights["arr_delay"].notna()
    late = flights["arr_delay"].ge(late_after_minutes).astype("float64")
    return flights[FLIGHT_COLUMNS].assign(
        date=pd.to_datetime(flights[["year", "month", "day"]]),
        cancelled=flights["dep_time"].isna(),
        late=late.where(arrived),
    )


def clean_weather(weather: pd.DataFrame) -> pd.DataFrame:
    """Return the weather of each airport and hour, with the rain of the last three hours.

    `time_hour` is in UTC and therefore unique where the local hour occurs twice in November.
    """
    weather = weather.sort_values(["origin", "time_hour"], ignore_index=True)
    believable = weather["wind_speed"].le(FASTEST_WIND)
    rain = weather.set_index("time_hour").groupby("origin")["precip"].rolling("3h").sum()
    return weather[["origin", "time_hour", *WEATHER_COLUMNS]].assign(
        wind_speed=weather["wind_speed"].where(believable),
        wind_gust=weather["wind_gust"].fillna(0.0),
        rain_3h=rain.to_numpy(),
    )


def join_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Add the weather at the airport of departure in the hour of the scheduled departure."""
    return flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")


def join_reference(
    flights: pd.DataFrame,
    planes: pd.DataFrame,
    airports: pd.DataFrame,
    airlines: pd.DataFrame,
) -> pd.DataFrame:
    """Add the plane, the airport of destination and the name of the airline.

    About one flight in six has no known plane, mostly since American and Envoy report fleet
    numbers for tail numbers; four airports on Puerto Rico and the Virgin Islands are missing.
    """
    plane = planes[["tailnum", "year", "seats"]].rename(columns={"year": "built"})
    dest = airports[["faa", "name", "lat", "lon"]].set_axis(
        ["dest", "dest_name", "dest_lat", "dest_lon"], axis="columns"
    )
    airline = airlines.rename(columns={"name": "airline"})
    for table, key in ((plane, "tailnum"), (dest, "dest"), (airline, "carrier")):
        flights = flights.merge(table, on=key, how="left", validate="many_to_one")
    return flights
