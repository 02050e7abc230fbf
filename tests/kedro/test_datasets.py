"""What is said of data costs nothing: nothing lazy is touched."""

from __future__ import annotations

import collections
import threading
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NoReturn

import pytest

from vestige.kedro import datasets
from vestige.kedro.credentials import Credentials, without_user

np, pa = pytest.importorskip("numpy"), pytest.importorskip("pyarrow")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRETS = {
    "db": {"con": "postgresql://ada:p%40ss-word@db:5432/x", "password": "pw", "retries": 3, "ssl": True},
    "s3": [{"key": "AKIA123", "port": 5432}],
    "dsn": "host=db user=ada password=in-a-dsn dbname=x",
}


class Lazy:
    """Data that is not there yet."""

    def __len__(self) -> NoReturn:
        raise AssertionError

    def __iter__(self) -> NoReturn:
        raise AssertionError


class LazyList(list[int]):
    """A list that counts only when it is asked."""

    def __len__(self) -> NoReturn:
        raise AssertionError


def generated() -> Iterator[NoReturn]:
    """Give nothing that may be asked for."""
    yield unasked()


def unasked() -> NoReturn:
    raise AssertionError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.zeros((3, 4, 5)), {"rows": 3, "columns": 4}),
        (np.zeros(7), {"rows": 7}),
        (np.array(1), {}),
        (pa.table({"a": [1, 2], "b": [3, 4]}), {"rows": 2, "columns": 2, "column_names": ["a", "b"]}),
        ([1, 2, 3], {"rows": 3}),
        ((), {"rows": 0}),
        ({"a": 1}, {"rows": 1}),
        (collections.OrderedDict(a=1, b=2), {"rows": 2}),
        ({"part": lambda: [1]}, {}),
        ("words", {}),
        (None, {}),
        (threading.Lock(), {}),
    ],
)
def test_shape(data: object, expected: dict[str, object]) -> None:
    assert datasets.shape(data) == expected


@pytest.mark.parametrize("lazy", [Lazy(), LazyList(), generated(), map(str, ()), range(3)])
def test_lazy_data_is_left_alone(lazy: object) -> None:
    assert datasets.shape(lazy) == {}


def test_names_of_columns_are_bounded() -> None:
    names = [f"{'x' * 1000}{number}" for number in range(1000)]
    told = datasets.shape(pa.table({name: [1] for name in names}))
    assert told["columns"] == 1000
    assert told["column_names"] == ["x" * 200] * 200


class File:
    """A dataset as kedro-datasets has them."""

    def __init__(self, path: str, protocol: str | None = None) -> None:
        self._filepath = PurePosixPath(path)
        self._protocol = protocol


class Partitions:
    """The same of folders."""

    def __init__(self, path: object) -> None:
        self._path = path


@pytest.mark.parametrize(
    ("dataset", "paths", "uri"),
    [
        (File("/data/raw.csv", "file"), ("/data/raw.csv",), None),
        (File("/data/raw.csv"), ("/data/raw.csv",), None),
        (File("bucket/raw.csv", "s3"), (), "s3://bucket/raw.csv"),
        (Partitions("/data/parts"), ("/data/parts",), None),
        (Partitions("file:///data/parts"), ("/data/parts",), None),
        (Partitions("s3://me:secret@bucket/parts?sig=1#x"), (), "s3://bucket/parts"),
        (Partitions(None), (), None),
        (Partitions(Lazy()), (), None),
        (object(), (), None),
    ],
)
def test_where_it_lies(dataset: object, paths: tuple[str, ...], uri: str | None) -> None:
    assert datasets.location(dataset) == datasets.Location(paths, uri)


def test_size(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    (tmp_path / "one" / "circle").symlink_to(tmp_path)
    size = datasets.size([str(tmp_path / "b")])
    assert size == 3
    (tmp_path / "one" / "circle").unlink()
    assert datasets.size([str(tmp_path)]) == 8
    assert datasets.size([str(tmp_path / "nothing")]) is None
    assert datasets.size([]) is None
    assert datasets.size([str(tmp_path), str(tmp_path / "nothing")]) is None


@pytest.mark.parametrize(
    "text",
    [
        "could not connect to postgresql://ada:p%40ss-word@db:5432/x",
        "p%40ss-word",
        "user's p@ss-word is wrong",
        "key AKIA123",
        "port 5432",
        "password pw!",
        "dsn in-a-dsn",
        'said "host=db user=ada password=in-a-dsn dbname=x"',
        "another://user:pass@host/",
    ],
)
def test_no_value_of_the_credentials_stays(text: str) -> None:
    credentials = Credentials()
    credentials.learn(SECRETS)
    masked = credentials.masked(text)
    assert "***" in masked
    for secret in ("p%40ss-word", "p@ss-word", "AKIA123", "5432", "pw!", "in-a-dsn", "user:pass"):
        assert secret not in masked


def test_settings_among_credentials_are_no_secrets() -> None:
    credentials = Credentials()
    credentials.learn(SECRETS)
    assert credentials.masked("3 rows, True") == "3 rows, True"
    assert not credentials.hold("3")


def test_nothing_is_known_before_it_is_told() -> None:
    assert "p@ss-word" not in Credentials().masked("p@ss-word")


@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://ada:x@host:1/a?sig=y#z", "https://host:1/a"),
        ("https://[::1]/a", "https://[::1]/a"),
        ("abfs://container@account/path@version", "abfs://container@account/path@version"),
        ("wasbs://container:x@account/path", "wasbs://container@account/path"),
        ("sftp://ada@host/path", "sftp://host/path"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("", "://"),
    ],
)
def test_addresses_lose_their_users(address: str, clean: str) -> None:
    assert without_user(address) == clean
