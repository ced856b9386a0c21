"""Damaged files: there is never a traceback, a refusal always says why and where, and what passes compiles.

JOURNEYFLOW_FUZZ sets the number of examples of all tests together (`make fuzz`); then no single one may
take more than a second of the processor's time.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeyflow.compiler import compile_journey, compile_segment
from journeyflow.errors import RenderError
from journeyflow.language.codes import CODES
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import load
from journeyflow.messages.webhook import render_body
from journeyflow.plan import Webhook
from tests.language.plans import assert_sound
from tests.language.test_golden import HERE, messages

EXAMPLES = int(os.environ.get("JOURNEYFLOW_FUZZ", "300"))
LONGEST = 1.0 if "JOURNEYFLOW_FUZZ" in os.environ else float("inf")  # seconds


def fuzzed(percent: int) -> settings:
    """So many of all examples."""
    return settings(
        max_examples=EXAMPLES * percent // 100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


SEEDS = [path.read_bytes() for folder in ("ok", "err") for path in sorted((HERE / folder).glob("*.yaml"))]
TREES = [yaml.load(path.read_text(), Loader=yaml.BaseLoader) for path in sorted((HERE / "ok").glob("*.yaml"))]
SMALLEST = (HERE / "ok" / "smallest.yaml").read_bytes().replace(b"smallest", b"fuzzed")
FILES = st.sampled_from(["fuzzed.yaml", "fuzzed.yaml", "segments.yaml", "policy.yaml"])
MARKS = b"[]{}:,-&*!|>'\"%@`?#\t\n \r\0\\\xef\xbb\xff0"
PIECES = st.sampled_from([MARKS[at : at + 1] for at in range(len(MARKS))]) | st.sampled_from([
    b"  ", b"\n- ", b": ", b"end", b"null", b"~", b"<<: ", b"1e999", b'"\\ud800"', b'"\\0"', b"---\n",
    b"P1D", b"when", b"otherwise", b"not", b"{}", b"[]", b"-1", b"\xf0\x9f\x8e\x89", b"[" * 40,
])  # fmt: skip
TEXTS = [
    "", "~", "true", "0", "-1.5", "1e999", ".inf", "09:00", "mon", "email", "lapsed", "end",
    "order.completed", "never", "2026-01-01", "exit", "skip", "P1M", "7 days", "0 9 * * *", "0 9 * * 1L/2",
    "wait up to 1 day", "a" * 300, "always", "after 1 day", "50%", "100%", "fuzzed", "neighbour", "code",
    "gold", "opened", "https://example.com/", "{{ customer.id }}", "{% if",
]  # fmt: skip
KEYS = [
    "event", "where", "when", "then", "otherwise", "all", "any", "not", "attribute", "is", "in", "id",
    "exists", "count", "sum", "property", "wait", "until", "days", "send", "email", "branch", "update",
    "add", "wait_for", "timeout", "segment", "consent", "date", "at", "trigger", "within", "since",
    "schedule", "offset", "allow", "JF307", "JF601", "experiment", "variants", "share", "holdout", "journey",
    "manual", "again", "if_capped", "sms", "append", "remove", "points", "tier",
    "webhook", "url", "body", "message", "template", "was",
    "metric", "value", "guardrails", "unsubscribed", "decide", "method", "stop_after", "floor", "best_time",
    "events",
]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(TEXTS) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
CONTEXT = {"customer": {"id": "c1"}, "event": {"total": 5}, "journey": {"name": "fuzzed", "title": "fuzzed"}}
TIMES = st.sampled_from([1, 1, 2, 19, 21, 79, 90, 400])
AROUND = st.sampled_from([
    ("(", ")"), ("[", "]"), ("{1: ", "}"), ("not ", ""), ("- ", ""), ("", " | upper"), ("", "[0]"),
    ("", " + 1"), ("", " or 1"), ("1 if 1 else ", ""), ("range(", ")"), ("1 | default(", ")"), ("", " ~ 'a'"),
    ("", " ** 2"), ("2 * ", ""), ("", " / 0"), ("", "()"), ("", ".upper()"), ("", " is odd"), ("", "9"),
    ("{{ ", " }}"), ("{% if 1 %}", "{% endif %}"), ("{% for a in 'b' %}", "{% endfor %}"), ("{# ", " #}"),
    ("{% set a = 1 %}", ""), ("{% macro a() %}", "{% endmacro %}"), ("{% if ", " %}{% endif %}"), ("{{", ""),
    ("", ".a"),
])  # fmt: skip
INSIDE = st.sampled_from(["1", "'a'", "customer.id", "customer.nothing", "event.total", "a", "", "9e9"])
JINJA = st.recursive(
    INSIDE,
    lambda inner: (
        st.builds(
            lambda pair, times, text: (pair[0] * times + text + pair[1] * times)[:5_000], AROUND, TIMES, inner
        )
        | st.tuples(inner, inner).map("".join)
    ),
    max_leaves=4,
)
BODY = "journey: fuzzed\nenter: {event: a}\nsteps: [{webhook: {url: 'https://example.com', body: {a: %s}}}]"


@pytest.fixture(scope="module")
def attempt(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bytes], None]:
    folder = tmp_path_factory.mktemp("programme") / "journeys"
    folder.mkdir()

    def attempt(name: str, data: bytes) -> None:
        for file in (HERE / "surroundings" / "capped").glob("*.yaml"):
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / "fuzzed.yaml").write_bytes(SMALLEST)
        (folder / name).write_bytes(data)
        # Twice, since the garbage of many thousand examples before may be collected during the first.
        assert _seconds(folder.parent) < LONGEST or _seconds(folder.parent) < LONGEST

    return attempt


@fuzzed(40)
@given(data=st.data(), name=FILES)
def test_damaged_text(attempt: Callable[[str, bytes], None], data: st.DataObject, name: str) -> None:
    text = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.sampled_from([0, 0, 1, 2, 10, 80])))
        text = text[:start] + data.draw(PIECES | st.just(text[start:end] * 2) | st.just(b"")) + text[end:]
    attempt(name, text)


@fuzzed(40)
@given(data=st.data(), name=FILES)
def test_replaced_values(attempt: Callable[[str, bytes], None], data: st.DataObject, name: str) -> None:
    tree = data.draw(st.sampled_from(TREES))
    for _ in range(data.draw(st.integers(1, 3))):
        tree = _replaced(tree, data)
    if isinstance(tree, dict) and "journey" in tree:
        tree["journey"] = "fuzzed"
    attempt(name, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).encode("utf-8", "replace"))


@fuzzed(10)
@given(
    data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    name=FILES,
)
def test_noise(attempt: Callable[[str, bytes], None], data: bytes, name: str) -> None:
    attempt(name, data)


@fuzzed(10)
@given(JINJA, st.booleans())
def test_nested_jinja(attempt: Callable[[str, bytes], None], text: str, in_tag: bool) -> None:
    whole = json.dumps(f"{{{{ {text} }}}}" if in_tag else text)
    attempt("fuzzed.yaml", (BODY % whole).encode())


def _replaced(tree: Any, data: st.DataObject) -> Any:
    """A copy with one place, at any depth, replaced by something else."""
    if not isinstance(tree, dict | list) or not tree or data.draw(st.integers(0, 9)) == 0:
        return data.draw(VALUES)
    if isinstance(tree, list):
        at = data.draw(st.integers(0, len(tree) - 1))
        return [*tree[:at], _replaced(tree[at], data), *tree[at + 1 :]]
    key = data.draw(st.sampled_from(sorted(tree)))
    return {**tree, key: _replaced(tree[key], data)}


def _seconds(root: Path) -> float:
    start = process_time()
    _try(root)
    return process_time() - start


def _try(root: Path) -> None:
    try:
        programme = load(root, messages())
    except ProgrammeError as error:
        for problem in error.problems:
            assert problem.code in CODES
            assert problem.line >= 1
            assert problem.column >= 1
            head, *snippet = str(problem).split("\n")
            assert head.isprintable()
            assert len(snippet) in (0, 2)
        return
    for segment in programme.segments:
        compile_segment(segment, programme.segments)
    for journey in programme.journeys:
        plan = compile_journey(journey, programme.segments)
        assert_sound(plan)
        for step in plan.steps:
            if isinstance(step, Webhook):
                with suppress(RenderError):
                    render_body(step.body, step.path, CONTEXT)
