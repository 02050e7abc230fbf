"""A dataset of the project's own."""

from typing import Any

from kedro.io import AbstractDataset


class Server(AbstractDataset):
    """A server that nobody reaches, and that says in its errors what it was asked with."""

    def __init__(self, table: str, credentials: dict[str, Any]) -> None:
        self._table = table
        self._con = credentials["con"]
        self._key = credentials["storage_options"]["account_key"]

    def _load(self) -> None:
        raise ConnectionError(f"no {self._table} at {self._con} with {self._key} for user=ada password=sesame@con")

    def _save(self, data: object) -> None:
        raise ConnectionError(f"can't write {data} to {self._con}")

    def _describe(self) -> dict[str, Any]:
        return {"table": self._table, "con": self._con}
