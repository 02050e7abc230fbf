"""What holds here and now: off, local or on, and which rule says so. The most private rule wins.

off: nothing is counted. local: counted and kept. on: what is counted from now on may be sent, once its week is over.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vestige.errors import TelemetryError
from vestige.telemetry import answers as said
from vestige.telemetry import project, source, timetable
from vestige.telemetry.answers import MODES, Answers
from vestige.telemetry.surroundings import MODE_VARIABLE, MODES_BY_WORD, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vestige.telemetry.places import Places
    from vestige.telemetry.source import Source
    from vestige.telemetry.surroundings import Surroundings

NOBODY = "there is no collector to send to"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that holds here: the mode that it allows, and why."""

    mode: str
    why: str
    kind: str = ""  # "variable"; "answer"; "question": nobody was asked; "trouble": something can't be read


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds, and every rule that has a say, the one that decides first."""

    mode: str
    rules: tuple[Rule, ...]
    answers: Answers
    source: Source | None = None
    mark: str = ""  # of the yes, in mode on

    @property
    def may_ask(self) -> bool:
        """Say whether nothing but an answer is missing."""
        return self.mode == "local" and all(rule.kind == "question" or rule.mode == "on" for rule in self.rules)

    @property
    def hurdle(self) -> Rule | None:
        """What a yes can't lift."""
        return next(
            (rule for rule in self.rules if rule.mode != "on" and rule.kind not in ("answer", "question")), None
        )

    @property
    def is_off_by_variable(self) -> bool:
        """Say whether a variable says no for this very process: then it starts nothing either."""
        return any(rule.mode == "off" and rule.kind == "variable" for rule in self.rules)

    @property
    def troubles(self) -> list[str]:
        """What could not be read: each is a no."""
        return [rule.why for rule in self.rules if rule.kind == "trouble"]


def of(
    places: Places | None, around: Surroundings, find: Callable[[Mapping[str, str]], Source] | None = None
) -> Standing:
    """Return what holds for the counts of the source that `find` returns, by default vestige's own."""
    answers, rules = Answers(), list(_outer(around))
    found: Source | None = None
    try:
        answers = said.load(places.answers) if places else answers
        if answers.mode != "on":
            rules.append(Rule(answers.mode, f"you said {answers.mode}", kind="answer"))
    except TelemetryError as error:
        rules.append(Rule("off", str(error), kind="trouble"))
    try:
        found = find(answers.collectors) if find else source.own(answers.collectors, around)
        rules.append(_consent(answers, found))
    except TelemetryError as error:
        rules.append(Rule("local", str(error), kind="trouble"))
    if places is None:
        rules.append(Rule("off", "there is no home to keep anything in"))
    decided = tuple(sorted(rules, key=lambda rule: MODES.index(rule.mode)))
    answer = answers.to(found) if found else None
    mode = decided[0].mode
    return Standing(mode, decided, answers, found, answer.mark if answer and mode == "on" else "")


def allows_sending(around: Surroundings, answers: Answers) -> bool:
    """Say whether anything at all may be sent from here: what the detached sender asks once more."""
    return answers.mode == "on" and all(rule.mode == "on" for rule in _outer(around))


def _outer(around: Surroundings) -> Iterator[Rule]:
    """Yield the rules that do not depend on what is counted."""
    if not timetable.HAS_SENDER:
        yield Rule("local", "this installation was built without what sends")
    yield from _variables(around)
    yield from _admin(around)
    yield from _projects(around)
    if around.ci:
        yield Rule("local", f"this is CI (`{around.ci}` is set)")
    if around.is_root:
        yield Rule("local", "this is root, who speaks for no user")
    if around.container:
        yield Rule("local", f"this is a container (`{around.container}`)")


def _variables(around: Surroundings) -> Iterator[Rule]:
    for why in refusals(around.environ):
        yield Rule("off", why, kind="variable")
    word = around.environ.get(MODE_VARIABLE)
    mode = MODES_BY_WORD.get(word.strip().lower()) if word else "off"
    why = f"`{MODE_VARIABLE}` is `{word}`"
    if mode is None:
        yield Rule("off", f"{why}, which is none of {', '.join(MODES)}", kind="trouble")
    elif mode != "off":
        yield Rule(mode, why, kind="variable")


def _admin(around: Surroundings) -> Iterator[Rule]:
    try:
        content = source.admin(around)
    except TelemetryError as error:
        yield Rule("off", str(error), kind="trouble")
        return
    if "mode" in content:
        yield _lowered(content["mode"], around.admin_file)


def _projects(around: Surroundings) -> Iterator[Rule]:
    for table in project.tables(around.environ, around.folder):
        if table.trouble:
            yield Rule("off", table.trouble, kind="trouble")
        elif "mode" in table.content:
            yield _lowered(table.content["mode"], table.path)
    refusal = project.kedro_refusal(around.folder)
    if refusal:
        yield Rule("local", f"`{refusal}` does not consent")


def _lowered(mode: object, path: str) -> Rule:
    if mode in MODES:
        return Rule(str(mode), f"`{path}` says {mode}")
    return Rule("off", f"`{path}`: `mode` can't be `{mode}`, but {', '.join(MODES)}", kind="trouble")


def _consent(answers: Answers, found: Source) -> Rule:
    if found.collector is None:
        return Rule("local", NOBODY)
    answer = answers.to(found)
    if answer is None:
        return Rule("local", f"nobody said yes to `{found.collector}` with this schema and purpose", kind="question")
    if answer.said != "yes":
        words = "you said no" if answer.said == "no" else "you were asked and did not answer"
        return Rule("local", f"{words} ({answer.day}, `{answer.collector}`)", kind="answer")
    return Rule("on", f"you said yes ({answer.day}, `{answer.collector}`)")


def can_write(places: Places) -> bool:
    """Say whether an answer could be kept: a question whose answer is lost would come again and again."""
    folder = os.path.dirname(places.answers)
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
