"""The nodes."""

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pandas as pd

import vestige
from small import lengths

SPIN = "import time\nwhile time.process_time() < {}: pass"


def logged(function: Callable) -> Callable:
    """Return a function that does the same."""

    @functools.wraps(function)
    def whole(*args: object) -> object:
        return function(*args)

    return whole


@logged
def clean(raw: pd.DataFrame, scale: int, model: dict) -> tuple[pd.DataFrame, list[str]]:
    """Return what is left, and the names of what is in it."""
    with vestige.span("scaling", depth=model["depth"]):
        return raw.assign(amount=raw["amount"] * scale), sorted(raw["place"].unique())


def hold(names: list[str], size: int) -> dict[str, int]:
    """Hold some memory for a moment."""
    held = bytearray(size)
    held[::4096] = b"x" * len(held[::4096])
    return dict.fromkeys(names, len(held))


def burn(seconds: float) -> dict[str, float]:
    """Burn some CPU."""
    before = time.process_time()
    while time.process_time() - before < seconds:
        pass
    return {"cpu": time.process_time() - before}


def family(clean: pd.DataFrame) -> dict[str, int]:
    """Let a child and some threads work."""
    subprocess.run([sys.executable, "-I", "-S", "-c", SPIN.format(0.3)], check=True)
    threads = [threading.Thread(target=burn, args=(0.1,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"rows": len(clean)}


def pieces(clean: pd.DataFrame) -> Iterator[dict[str, pd.DataFrame]]:
    """Give a table piece by piece, and work for it in between."""
    for start in range(0, len(clean), lengths.PER_PIECE):
        burn(0.02)
        with vestige.span(f"piece {start}"):
            yield {f"from_{start:03}": clean.iloc[start : start + lengths.PER_PIECE]}
    burn(0.02)


def report(pieces: dict[str, Callable], held: dict[str, int], sheet: str) -> dict[str, int]:
    """Put all together."""
    return {"rows": sum(len(load()) for load in pieces.values()), "held": len(held), "letters": len(sheet)}


def fail(raw: pd.DataFrame) -> None:
    """Fail."""
    raise ValueError(f"{len(raw)} rows are too many for sesame-storage")


def pass_on(given: object) -> object:
    """Return the same."""
    return given


def drop(_: object) -> None:
    """Give nothing."""


def empty() -> list[str]:
    """Take nothing."""
    return []


def die(_: pd.DataFrame) -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt(_: pd.DataFrame) -> None:
    """Be interrupted, as by Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)


def broken(raw: pd.DataFrame) -> Iterator[dict[str, pd.DataFrame]]:
    """Give a piece, and fail."""
    yield {"first": raw}
    raise ValueError("no second piece")


def described(names: list[str]) -> str:
    """Return the names as JSON."""
    return json.dumps(names)
