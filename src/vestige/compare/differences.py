"""What differs between sides and is no figure: one kind of entry for words, versions and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vestige.compare.sides import Group, Seen

Topic = Literal["command", "outcome", "parameters", "inputs", "outputs", "code", "software", "environment", "machine"]
TOPICS: tuple[Topic, ...] = (
    "command", "outcome", "parameters", "inputs", "outputs", "code", "software", "environment", "machine",
)  # fmt: skip
_SEVERAL = " | "  # between what runs of one side have
_MOST_VALUES = 3  # of one side

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the sides do not have alike."""

    topic: Topic
    name: str  # text
    values: tuple[str | None, ...]  # by side, text; None: it has none
    sizes: tuple[int | None, ...] = ()  # of files: B, by side

    def is_of(self, side: int) -> bool:
        """Say whether a side has something else than the first."""
        return any(each and each[0] != each[side] for each in (self.values, self.sizes))

    def beside(self, side: int) -> Difference:
        """Return the same of the first side and one other alone."""
        values, sizes = self.values, self.sizes
        both = (sizes[0], sizes[side]) if sizes else ()
        return Difference(self.topic, self.name, (values[0], values[side]), both)


def of_words(
    topic: Topic, groups: Sequence[Group], words: Callable[[Seen], Mapping[str, str | None]]
) -> Iterator[Difference]:
    """Yield what differs of named words, in the order of the first that have them."""
    by_side = [[words(seen) for seen in group.looked_into] for group in groups]
    for name in dict.fromkeys(name for runs in by_side for known in runs for name in known):
        found = [tuple(dict.fromkeys(known.get(name) for known in runs)) for runs in by_side]
        if len({frozenset(values) for values in found}) > 1:
            yield Difference(topic, name, tuple(map(joined, found)))


def joined(values: Sequence[str | None]) -> str | None:
    """Return what the runs of a side have as one word; None where none of them has any."""
    if set(values) == {None}:
        return None
    shown = ["none" if value is None else value for value in values[:_MOST_VALUES]]
    return _SEVERAL.join([*shown, "…"] if len(values) > _MOST_VALUES else shown)
