"""Reading steps. A step's path (`steps/2/then/0`) is its id, unless it is given another."""

from collections.abc import Callable
from typing import Literal

from journeyflow.language import durations, values
from journeyflow.language.conditions import condition, where_tests
from journeyflow.language.definition import (
    AllOf,
    BranchArm,
    BranchStep,
    EndStep,
    JourneyStep,
    SendStep,
    Step,
    WaitForStep,
    Word,
)
from journeyflow.language.experiments import experiment
from journeyflow.language.fields import Fields, as_list, as_map, as_text
from journeyflow.language.problems import Mark, Report, either, instead, quoted
from journeyflow.language.source import MapNode, Node, TextNode
from journeyflow.language.updates import update
from journeyflow.language.waits import wait
from journeyflow.language.webhooks import webhook

CHANNELS = ("email", "sms")
_SAYING = ("if_capped", "when_unknown")  # the keys of a send that name no channel
_NAMES = ("send", "wait", "wait_for", "branch", "experiment", "update", "webhook", "journey", "end")


class StepReader:
    """Reads the steps of one journey; knows the ids that are taken."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._ids: dict[str, Mark] = {}
        self._experiments: dict[str, Mark] = {}
        self._readers: dict[str, Callable[[Node, str, str, Mark], Step | None]] = {
            "send": self._send,
            "wait": self._wait,
            "wait_for": self._wait_for,
            "branch": self._branch,
            "experiment": self._experiment,
            "update": self._update,
            "webhook": self._webhook,
            "journey": self._journey,
        }

    def steps(self, node: Node, place: str, what: str) -> tuple[Step, ...]:
        """`place` is the path of the list, e.g. `steps/2/then`."""
        items = as_list(node, what, self._report)
        if items is None:
            return ()
        read = (self._step(item, f"{place}/{number}") for number, item in enumerate(items.items))
        return tuple(step for step in read if step)

    def _step(self, node: Node, place: str) -> Step | None:
        if isinstance(node, TextNode):
            return self._bare(node, place)
        fields = as_map(node, "the step", self._report)
        key = self._key(fields) if fields else None
        if fields is None or key is None:
            return None
        path = self._path(Fields(fields, (key.value, "id"), "the step", self._report), place)
        body = next(value for name, value in fields.entries if name is key)
        return self._readers[key.value](body, path, place, key.mark)

    def _bare(self, node: TextNode, place: str) -> Step | None:
        if node.value == "end":
            return EndStep(place, node.mark)
        if node.value in self._readers:
            message = f'the step "{node.value}" says nothing more; write "{node.value}: ..."'
            self._report.add(node.mark, "JF104", message)
        else:
            self._unknown(node)
        return None

    def _unknown(self, node: TextNode) -> None:
        if node.value == "":
            self._report.add(
                node.mark, "JF104", f"the step is missing after the dash; write {either(_NAMES)}"
            )
        else:
            message = f"no step is called {quoted(node.value)}; {instead(node.value, _NAMES)}"
            self._report.add(node.mark, "JF103", message)

    def _key(self, node: MapNode) -> TextNode | None:
        """The one key that says which step it is."""
        keys = [key for key, _ in node.entries if key.value != "id"]
        steps = [key for key in keys if key.value in self._readers]
        if len(steps) > 1:
            names = " and ".join(quoted(key.value) for key in steps)
            self._report.add(
                steps[1].mark, "JF105", f'{names} stand in one step; begin each with a "-" of its own'
            )
            return None
        if steps:
            return steps[0]
        if not keys:
            self._report.add(node.mark, "JF102", f"the step does not say what to do; write {either(_NAMES)}")
        elif keys[0].value == "end":
            self._report.add(keys[0].mark, "JF104", '"end" stands alone; write "- end"')
        else:
            self._unknown(keys[0])
        return None

    def _path(self, fields: Fields, place: str) -> str:
        node = fields.get("id")
        word = values.name(node, "the step's id", self._report) if node else None
        if word is None:
            return place
        if word.value == "end":
            self._report.add(word.mark, "JF121", 'the id "end" is the journey\'s own end; choose another')
        elif word.value in self._ids:
            line = self._ids[word.value].line
            message = f"the id {quoted(word.value)} is taken by the step on line {line}; choose another"
            self._report.add(word.mark, "JF121", message)
        self._ids.setdefault(word.value, word.mark)
        return word.value

    def _send(self, node: Node, path: str, _place: str, mark: Mark) -> Step | None:
        keys = as_map(node, '"send"', self._report)
        if keys is None:
            return None
        channels = [(key, value) for key, value in keys.entries if key.value not in _SAYING]
        if not channels:
            message = (
                '"send" names no message; write the channel and the template, for example "email: welcome"'
            )
            self._report.add(mark, "JF102", message)
            return None
        if len(channels) > 1:
            self._too_many(channels[1][0], [key.value for key, _ in channels])
            return None
        key, value = channels[0]
        template = values.name(value, "the template", self._report)
        fields = Fields(keys, (key.value, *_SAYING), '"send"', self._report)
        (do, up_to), unknown = self._if_capped(fields), self._when_unknown(fields)
        channel = Word(key.value, key.mark)
        return SendStep(path, mark, channel, template, do, up_to, unknown) if template else None

    def _too_many(self, second: TextNode, names: list[str]) -> None:
        if second.value in CHANNELS:
            message = f"{' and '.join(map(quoted, names))} stand in one send; make two steps of it"
            self._report.add(second.mark, "JF105", message)
        else:
            options = (*CHANNELS, *_SAYING)
            message = f'"send" has no key {quoted(second.value)}; {instead(second.value, options)}'
            self._report.add(second.mark, "JF101", message)

    def _if_capped(self, fields: Fields) -> tuple[Literal["skip", "wait", "exit"], int | None]:
        node = fields.get("if_capped")
        text = as_text(node, '"if_capped"', self._report) if node else None
        if text is None or text.value == "skip":
            return "skip", None
        if text.value == "exit":
            return "exit", None
        if text.value.startswith("wait up to "):
            return "wait", self._up_to(text)
        way_out = 'write skip, exit or "wait up to 2 days"'
        self._report.add(text.mark, "JF106", f'"if_capped" is {quoted(text.value)}; {way_out}')
        return "skip", None

    def _when_unknown(self, fields: Fields) -> Word | None:
        node = fields.get("when_unknown")
        text = as_text(node, '"when_unknown"', self._report) if node else None
        if text is None or text.value in ("leave", "resend"):
            return Word(text.value, text.mark) if text else None
        message = f'"when_unknown" is {quoted(text.value)}; {instead(text.value, ("leave", "resend"))}'
        self._report.add(text.mark, "JF106", message)
        return None

    def _up_to(self, text: TextNode) -> int | None:
        length = text.value.removeprefix("wait up to ")
        try:
            return durations.seconds(length)
        except durations.DurationError as error:
            self._report.add(text.mark, "JF107", f'"if_capped" waits {quoted(length)}: {error}')
            return None

    def _wait(self, node: Node, path: str, _place: str, mark: Mark) -> Step | None:
        return wait(node, path, mark, self._report)

    def _wait_for(self, node: Node, path: str, place: str, mark: Mark) -> Step | None:
        keys = as_map(node, '"wait_for"', self._report)
        if keys is None:
            return None
        known = ("event", "where", "timeout", "then", "otherwise")
        fields = Fields(keys, known, '"wait_for"', self._report)
        named, where = fields.need("event", "order.completed"), where_tests(fields, self._report)
        way_out = "name the events to wait for"
        events = values.events(named, '"event"', way_out, self._report) if named else ()
        node_timeout = fields.need("timeout", "7 days")
        timeout = values.duration(node_timeout, '"timeout"', self._report) if node_timeout else None
        then, otherwise = self._arm(fields, "then", place), self._arm(fields, "otherwise", place)
        return WaitForStep(path, mark, events, where, timeout or 1, then, otherwise)

    def _arm(self, fields: Fields, key: str, place: str) -> tuple[Step, ...]:
        node = fields.get(key)
        return self.steps(node, f"{place}/{key}", f'"{key}"') if node else ()

    def _branch(self, node: Node, path: str, place: str, mark: Mark) -> Step | None:
        items = as_list(node, '"branch"', self._report)
        if items is None:
            return None
        arms: list[BranchArm] = []
        otherwise: tuple[Step, ...] = ()
        for number, item in enumerate(items.items):
            keys = as_map(item, 'an arm of "branch"', self._report)
            if keys and any(key.value == "otherwise" for key, _ in keys.entries):
                otherwise = self._otherwise(keys, place, number == len(items.items) - 1)
            else:
                arms.append(self._branch_arm(keys, item.mark, f"{place}/arms/{number}"))
        if not any(_has(item, "when") for item in items.items):
            self._report.add(
                items.mark, "JF102", '"branch" asks nothing; add "- when: ..." with its "then: ..."'
            )
        return BranchStep(path, mark, tuple(arms), otherwise)

    def _branch_arm(self, keys: MapNode | None, mark: Mark, place: str) -> BranchArm:
        """A faulty arm is kept, so that what follows the branch does not seem unreachable."""
        if keys is None:
            return BranchArm(mark, AllOf(mark, ()), ())
        fields = Fields(keys, ("when", "then"), 'an arm of "branch"', self._report)
        when, then = fields.need("when", "{consent: email}"), fields.need("then", "[end]")
        asked = condition(when, '"when"', self._report) if when else None
        steps = self.steps(then, f"{place}/then", '"then"') if then else ()
        return BranchArm(mark, asked or AllOf(mark, ()), steps)

    def _otherwise(self, keys: MapNode, place: str, is_last: bool) -> tuple[Step, ...]:
        fields = Fields(keys, ("otherwise", "when", "then"), 'the arm "otherwise"', self._report)
        for key in ("when", "then"):
            message = f'"{key}" and "otherwise" stand in one arm; begin "otherwise" with a "-" of its own'
            fields.refuse(key, "JF105", message)
        if not is_last:
            message = '"otherwise" takes everyone who comes to it; move it to the end, once'
            self._report.add(fields.key("otherwise"), "JF120", message)
        return self._arm(fields, "otherwise", place)

    def _experiment(self, node: Node, path: str, place: str, mark: Mark) -> Step | None:
        read = experiment(node, path, place, mark, self._report, self.steps)
        name = read.name if read else None
        if name and name.value in self._experiments:
            line = self._experiments[name.value].line
            message = (
                f"the experiment {quoted(name.value)} is already on line {line}, and customers would get the "
                "same variants in both; choose another name"
            )
            self._report.add(name.mark, "JF125", message)
        if name and name.value:
            self._experiments.setdefault(name.value, name.mark)
        return read

    def _update(self, node: Node, path: str, _place: str, mark: Mark) -> Step | None:
        return update(node, path, mark, self._report)

    def _webhook(self, node: Node, path: str, _place: str, mark: Mark) -> Step | None:
        return webhook(node, path, mark, self._report)

    def _journey(self, node: Node, path: str, _place: str, mark: Mark) -> Step | None:
        journey = values.name(node, "the journey", self._report)
        return JourneyStep(path, mark, journey) if journey else None


def _has(node: Node, name: str) -> bool:
    return isinstance(node, MapNode) and any(key.value == name for key, _ in node.entries)
