"""What the description says is what the server does: calls made up from it, good ones and bad ones."""

import asyncio
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
from sqlalchemy import func, select

from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from tests.api.ingest.calling import KEYS, serving

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip
EXAMPLES = 6  # of each kind for each call


async def test_made_up_calls_are_answered_as_it_is_written(sqlite_store: Store) -> None:
    async with serving(sqlite_store) as port:
        await asyncio.to_thread(_try_all, f"http://127.0.0.1:{port}")
    async with sqlite_store.reading() as connection:
        known = await connection.execute(select(func.count()).select_from(customers))
        assert known.scalar_one() > 0, "no call was taken, so little has been tried"


def _try_all(url: str) -> None:
    described = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for operation in described.get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(operation.ok().as_strategy(generation_mode=mode), url)


def _try(calls: Any, url: str) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=calls)
    def answered(case: Any) -> None:
        response = case.call(base_url=url, auth=(KEYS["ingest"], ""))
        case.validate_response(response, checks=CHECKS)

    answered()
