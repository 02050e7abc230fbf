"""Randomised answers: a yes or no that may be false, so that no report says anything certain about who sent it.

The truth is told with probability e^epsilon / (1 + e^epsilon) (S. L. Warner, "Randomized Response", 1965; its use with
epsilon: Erlingsson and others, "RAPPOR", 2014). From many reports the share of those that hold is known all the same.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

YES, NO = "yes", "no"
BUDGET = 1.0  # the most that the answers of one report may give away together, as epsilon
_DEVIATIONS = 1.96  # 95 of 100 estimates are no farther off
_CHANCE = 8  # B of a hash


class Estimate(NamedTuple):
    """The share of reports that a yes is true of, and how far off it may be, 19 times of 20. Both from 0 to 1."""

    share: float
    margin: float


def truth(epsilon: float) -> float:
    """Return how probable it is that an answer is true."""
    return 1 / (1 + math.exp(-epsilon))


def randomised(answer: str, epsilon: float, coins: bytes, name: str) -> str:
    """Return the answer to give. The same `coins` give the same one: what is shown is what is sent."""
    drawn = hashlib.sha256(coins + name.encode("ascii")).digest()[:_CHANCE]
    if int.from_bytes(drawn, "big") < truth(epsilon) * (1 << (8 * _CHANCE)):
        return answer
    return NO if answer == YES else YES


def estimate(yes: int, reports: int, epsilon: float) -> Estimate:
    """Return the share that `yes` of so many randomised answers stand for; `reports` is at least 1."""
    seen, told = yes / reports, truth(epsilon)
    spread = 2 * told - 1
    share = (seen - (1 - told)) / spread
    margin = _DEVIATIONS * math.sqrt(seen * (1 - seen) / reports) / spread
    return Estimate(min(max(share, 0.0), 1.0), min(margin, 1.0))
