"""What the description says is what the server does: calls made up from it, good ones and bad ones."""

import asyncio
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from journeyflow.store.database import Store
from tests.api.ingest.calling import KEYS, serving
from tests.engine.programmes import World

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip
EXAMPLES = 4  # of each kind for each call
# What there is, for calls that name something; each erasure needs somebody of its own.
THERE = {"id": "ada", "name": "letters", "number": "1"}
TO_BE_ERASED = "bob"
JOURNEY = """
    journey: letters
    enter: {event: began}
    steps: [{send: {email: hello}}]
"""


async def test_made_up_calls_are_answered_as_it_is_written(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    await world.customers(THERE["id"], TO_BE_ERASED)
    await world.enter(THERE["id"])
    async with serving(sqlite_store) as port:
        done = await asyncio.to_thread(_try_all, f"http://127.0.0.1:{port}")
    # Texts of bodies are made up so wildly that few are taken; all else has to have been answered well.
    well = {name for name, statuses in done.items() if statuses & {200, 202}}
    assert well > {name for name in done if not name.startswith("POST")}
    assert well > {"POST /v1/journeys/{name}/pause", "POST /v1/journeys/{name}/resume"}


def _try_all(url: str) -> dict[str, set[int]]:
    """The statuses of each call's answers."""
    described = schemathesis.openapi.from_url(f"{url}/openapi.json")
    done: dict[str, set[int]] = {}
    for found in described.get_all_operations():
        operation = found.ok()
        statuses = done.setdefault(operation.label, set())
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(operation, mode, url, statuses)
    return done


def _try(operation: Any, mode: GenerationMode, url: str, statuses: set[int]) -> None:
    [scope] = operation.definition.raw["security"][0]["key"]
    there = THERE | ({"id": TO_BE_ERASED} if scope == "erase" else {})

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def answered(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            case.path_parameters = {name: there[name] for name in case.path_parameters}
        response = case.call(base_url=url, auth=(KEYS[scope], ""))
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    answered()
