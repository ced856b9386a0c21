"""The cohort as workers with a build id run it: it stays with its build until it continues as new.

A class of its own, since the server refuses the answers of a worker without a build id that speak of pinning.
"""

from temporalio import workflow
from temporalio.common import VersioningBehavior

from journeyflow.workflows.cohort import Cohort

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import CohortState


@workflow.defn(name="Cohort", versioning_behavior=VersioningBehavior.PINNED)
class PinnedCohort(Cohort):
    @workflow.init
    def __init__(self, state: CohortState) -> None:
        super().__init__(state)

    @workflow.run
    async def run(self, state: CohortState) -> None:
        await super().run(state)
