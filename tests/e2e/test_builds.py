"""A new build takes over by the commands that the docs name, also cohorts that only rest."""

import asyncio
from pathlib import Path
from subprocess import DEVNULL

from journeyflow.testing.servers import find_binary
from tests.e2e.installation import Installation, Worker, installation, just_now, passages, until
from tests.e2e.test_continue_as_new import STAGES

_KEYS = ["ada", "eve"]
_EVENTS = ("first", "second", "third")
_OF_BUILD = (
    'WorkflowType="Cohort" AND ExecutionStatus="Running" '
    'AND TemporalWorkerDeploymentVersion="journeyflow:{build}"'
)


async def test_resting_cohorts_move_to_the_new_build(tmp_path: Path, sqlite_template: Path) -> None:
    async with installation(tmp_path / "made", sqlite_template) as made:
        await made.apply([STAGES], [])
        await made.add_customers(_KEYS)
        old = await _deploy(made, "1")
        await made.happen({"joined": _KEYS}, just_now())
        await until(lambda: _is_with(made, "1"), "the cohort rests with the old build")
        second = await _deploy(made, "2")
        await until(lambda: _is_woken_with(made, "2"), "the cohort is with the new build")
        await old.kill()
        await second.kill()  # and nothing has woken the cohort for the third
        await _deploy(made, "3")
        await until(lambda: _is_taken_to(made, "3"), "the cohort is with the build after that")
        for name in _EVENTS:
            await made.happen({name: _KEYS}, just_now())
            await until(made.has_routed, "the events are on their way")
        await until(lambda: made.all_ended(len(_KEYS)), "everybody has come to the end")
        for passage in (await passages(made)).values():
            assert [what for _, what in passage.steps].count("event") == len(_EVENTS)


async def _deploy(made: Installation, build: str) -> Worker:
    """The server takes it as the current one as soon as its workers have been seen on all queues."""
    made.variables["JOURNEYFLOW_BUILD_ID"] = build
    worker = await made.start_worker()
    await worker.ready()
    of_build = ("--deployment-name", "journeyflow", "--build-id", build, "--yes")

    async def is_current() -> bool:
        return await _temporal(made, "worker", "deployment", "set-current-version", *of_build) is not None

    await until(is_current, "the build is the current one")
    return worker


async def _is_with(made: Installation, build: str) -> bool:
    told = await _temporal(made, "workflow", "count", "--query", _OF_BUILD.format(build=build))
    return told is not None and "1" in told


async def _is_woken_with(made: Installation, build: str) -> bool:
    """A wake-up about nobody is the occasion for a cohort to notice; the first one may come too early."""
    query = ("--query", _OF_BUILD.format(build="1"), "--reason", "deploy", "--yes")
    await _temporal(made, "workflow", "signal", "--name", "wake", "--input", "[]", *query)
    return await _is_with(made, build)


async def _is_taken_to(made: Installation, build: str) -> bool:
    """As it stands: the new build runs the cohort again from its history."""
    to = ("--versioning-override-deployment-name", "journeyflow", "--versioning-override-build-id", build)
    query = ("--query", _OF_BUILD.format(build="2"), "--reason", "deploy", "--yes")
    override = ("--versioning-override-behavior", "one_time", *to, *query)
    await _temporal(made, "workflow", "update-options", *override)
    return await _is_with(made, build)


async def _temporal(made: Installation, *arguments: str) -> str | None:
    """What the command printed; None when it failed."""
    process = await asyncio.create_subprocess_exec(
        find_binary("temporal"), *arguments, "--address", made.server.address,
        stdin=DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    return told.decode() if process.returncode == 0 else None
