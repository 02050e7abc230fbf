"""Kedro: a thin adapter on spans. What Kedro calls is in `hooks`; only `plan` is read without Kedro."""
