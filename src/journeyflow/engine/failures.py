"""What Temporal is told when an activity fails: what kind and where, but nothing that may quote a customer.

A database's own message can hold a row's values, and a failure is kept in the workflow's history.
"""

from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from journeyflow.errors import JourneyflowError
from journeyflow.traces import place_of


class PrivateFailures(Interceptor):
    """Passes our own errors on, whose texts hold nothing personal; of all others only kind and place."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _PrivateActivity(next)


class _PrivateActivity(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except ApplicationError:
            raise
        except JourneyflowError as error:
            raise ApplicationError(str(error), type=type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            raise ApplicationError(place_of(error), type=type(error).__name__) from None
