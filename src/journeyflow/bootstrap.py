"""The composition root: settings become a store, channels, a Temporal client and workers."""

import logging
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion, WorkflowIDConflictPolicy
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

from journeyflow.delivery.activities import DeliveryActivities
from journeyflow.delivery.channels.base import Channel
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.channels.smtp import Smtp
from journeyflow.delivery.channels.webhook import Webhook
from journeyflow.delivery.courier import Courier
from journeyflow.engine.activities import EngineActivities
from journeyflow.engine.failures import PrivateFailures
from journeyflow.engine.programme import Programme
from journeyflow.engine.segments import UNFOLLOWED, unfollowed
from journeyflow.errors import ConfigurationError
from journeyflow.messages.links import Links
from journeyflow.plan import WEBHOOK
from journeyflow.schedules.settle import Settled, settle
from journeyflow.schedules.wanted import wanted_now
from journeyflow.settings import Settings, split
from journeyflow.store.database import Store
from journeyflow.store.events import SHORTEST
from journeyflow.store.installation import name_of, namespace_of, settle_namespace
from journeyflow.workflows.best_hours import BestHours
from journeyflow.workflows.cohort import Cohort
from journeyflow.workflows.contracts import JOURNEYS_QUEUE
from journeyflow.workflows.decide import Decide
from journeyflow.workflows.pinned import PinnedCohort
from journeyflow.workflows.purge import Purge
from journeyflow.workflows.reconcile import Reconcile
from journeyflow.workflows.refresh import Refresh
from journeyflow.workflows.rfm import Rfm
from journeyflow.workflows.router import EventRouter
from journeyflow.workflows.sweep import Sweep

if TYPE_CHECKING:
    from journeyflow.delivery.channels.dkim import Signer

_log = logging.getLogger(__name__)

QUEUES = (JOURNEYS_QUEUE, "email", "sms", WEBHOOK)
_WORKFLOWS = (EventRouter, Sweep, Refresh, Rfm, Decide, BestHours, Purge, Reconcile)  # besides cohorts
_LOCAL = "localhost:7233"  # where `journeyflow dev` and Temporal's own tools have their server
_DELIVERIES = 20  # that a worker is at at once; what is urgent overtakes the rest at the server
_MOST_ATTEMPTS = 20  # a second, that a rate is made of: each costs the servers about as much as a message
_GRACE = timedelta(seconds=30)  # longer than any channel's timeout: a hand-over under way is finished


async def connect() -> Client:
    """To the server that Temporal's own variables and `temporal.toml` name, else to one on this machine.

    Raises ConfigurationError when they are wrong, nobody answers, or there is no such namespace.
    """
    try:
        config = ClientConfig.load_client_connect_config()
        config.setdefault("target_host", _LOCAL)
        client = await Client.connect(**config)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except (RuntimeError, ValueError, OSError, RPCError) as error:
        raise ConfigurationError(
            f"Temporal cannot be used ({_reason(error)}); look at TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE "
            "and what else says how to connect (temporal.toml)"
        ) from None
    return client


@asynccontextmanager
async def working(
    settings: Settings, store: Store, client: Client, queues: Sequence[str]
) -> AsyncIterator[None]:
    """Runs a worker for each queue as long as the block lasts."""
    await keep_going(store, client)  # first: no worker may touch the cohorts of another store
    links = links_of(settings)
    if links is None and "email" in queues:
        _log.warning(
            "no JOURNEYFLOW_LINK_SECRETS and JOURNEYFLOW_PUBLIC_URL: marketing e-mail goes out without the "
            "header for unsubscribing at one press, and templates that use our links fail"
        )
    deployment = _deployment_of(settings)
    async with AsyncExitStack() as stack:
        for queue in queues:
            if queue == JOURNEYS_QUEUE:
                remember = timedelta(seconds=settings.duplicates_for)
                await stack.enter_async_context(journeys_worker(store, client, deployment, remember))
                continue
            channel = channel_of(settings, queue, await name_of(store))
            stack.push_async_callback(channel.close)
            rate = {"email": settings.email_rate, "sms": settings.sms_rate}.get(queue)
            await stack.enter_async_context(
                channel_worker(store, client, queue, channel, links, rate, deployment)
            )
        yield


def journeys_worker(
    store: Store,
    client: Client,
    deployment: WorkerDeploymentConfig | None = None,
    remember: timedelta = SHORTEST,
) -> Worker:
    """`remember`: for how long it is known of an event that it was told."""
    activities = EngineActivities(store, client, remember)
    return Worker(
        client,
        task_queue=JOURNEYS_QUEUE,
        workflows=[PinnedCohort if deployment else Cohort, *_WORKFLOWS],
        activities=[
            activities.travel,
            activities.route,
            activities.sweep,
            activities.rfm,
            activities.decide,
            activities.best_hours,
            activities.refresh,
            activities.purge,
        ],
        interceptors=[PrivateFailures()],
        deployment_config=deployment,
        graceful_shutdown_timeout=_GRACE,
    )


def channel_worker(
    store: Store,
    client: Client,
    queue: str,
    channel: Channel,
    links: Links | None = None,
    rate: float | None = None,
    deployment: WorkerDeploymentConfig | None = None,
) -> Worker:
    """`rate` is in messages a second, of all workers on the queue together."""
    most, attempts = (None, None) if rate is None else paced(rate)
    activities = DeliveryActivities(Courier(store, {queue: channel}, links=links, most=most))
    return Worker(
        client,
        task_queue=queue,
        activities=[activities.deliver, activities.reconcile],
        interceptors=[PrivateFailures()],
        deployment_config=deployment,
        max_concurrent_activities=_DELIVERIES,
        max_task_queue_activities_per_second=attempts,
        graceful_shutdown_timeout=_GRACE,
    )


def _deployment_of(settings: Settings) -> WorkerDeploymentConfig | None:
    """Cohorts are pinned to their build; all else goes over to a new one at once."""
    if settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def paced(rate: float) -> tuple[int, float]:
    """The server counts attempts at delivery: how many messages each hands over, and how many there may be a
    second, for `rate` messages a second."""
    most = math.ceil(rate / _MOST_ATTEMPTS)
    return most, rate / most


def links_of(settings: Settings) -> Links | None:
    """None: the settings have no secrets to sign with."""
    if settings.public_url is None or settings.link_secrets is None:
        return None
    return Links(settings.public_url, split(settings.link_secrets.get_secret_value()))


def channel_of(settings: Settings, queue: str, installation: str) -> Channel:
    if queue == WEBHOOK:
        secret = settings.webhook_secret
        return Webhook(installation, secret.get_secret_value() if secret else None)
    if queue == "email" and settings.email == "smtp" and settings.smtp_url is not None:
        return Smtp(settings.smtp_url.get_secret_value(), signer=_signer(settings))
    if queue == "email" and settings.email == "sendgrid":
        return _sendgrid(settings, installation)
    if queue == "sms" and settings.sms == "twilio":
        return _twilio(settings, installation)
    return Outbox(settings.outbox)


async def keep_going(store: Store, client: Client, partitions: int = 1) -> None:
    """Starts the routers where they are not running yet, and puts the schedules right.

    Raises ConfigurationError when store and namespace do not belong together: the namespace carries the
    journeys of another store, whose cohorts would be taken for ours, or ours are in another namespace.
    """
    await _refuse_other_namespaces(store, client)
    name = await name_of(store)
    for partition in range(partitions):
        await _keep_routing(client, name, partition, partitions)
    await warn_of_segments(store)
    for one in await _settle(store, client):
        level = logging.INFO if one.found.state in ("missing", "gone") else logging.WARNING
        _log.log(level, "schedule %s", one.line)


async def warn_of_segments(store: Store) -> None:
    async with store.reading() as connection:
        waiting = await unfollowed(connection, Programme())
    if waiting:
        _log.warning("nobody enters %s until `journeyflow apply` has run: %s", ", ".join(waiting), UNFOLLOWED)


async def settle_schedules(store: Store, client: Client) -> list[Settled]:
    """Makes, changes and removes Temporal's schedules as the programme in force wants them.

    Raises ConfigurationError when store and namespace do not belong together, or it is not known yet.
    """
    if await namespace_of(store) is None:
        raise ConfigurationError(
            "no worker has been started with this store yet; the first one makes the schedules"
        )
    await _refuse_other_namespaces(store, client)
    return await _settle(store, client)


async def _settle(store: Store, client: Client) -> list[Settled]:
    """Once more when the programme is another by then, which may have been settled meanwhile."""
    name, programme = await name_of(store), Programme()
    wanted, settled = await wanted_now(store, programme), list[Settled]()
    while True:
        settled += await settle(client, name, wanted)
        before, wanted = wanted, await wanted_now(store, programme)
        if wanted == before:
            return settled


async def namespace_id(client: Client) -> str:
    asked = DescribeNamespaceRequest(namespace=client.namespace)
    return (await client.workflow_service.describe_namespace(asked)).namespace_info.id


async def _refuse_other_namespaces(store: Store, client: Client) -> None:
    here = await namespace_id(client)
    if await settle_namespace(store, here) != here:
        raise ConfigurationError(
            f'the journeys of this store are in another Temporal namespace than "{client.namespace}" here; '
            "connect to that one (with an embedded server: use the database file it had)"
        )


async def _keep_routing(client: Client, name: str, partition: int, partitions: int) -> None:
    router = await client.start_workflow(
        "EventRouter",
        args=[partition, partitions],
        id=f"event-router-{partition}",
        task_queue=JOURNEYS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        memo={"store": name},
    )
    if await (await router.describe()).memo_value("store", default="") != name:
        raise ConfigurationError(
            f'the Temporal namespace "{client.namespace}" carries the journeys of another store; '
            "give this one a namespace of its own (TEMPORAL_NAMESPACE), or the store it belongs to"
        )


def _reason(error: Exception) -> str:
    """The first line: below it a faulty file may be quoted, keys included."""
    return str(error).strip().partition("\n")[0]


def _signer(settings: Settings) -> "Signer | None":
    if settings.dkim_key is None or settings.dkim_selector is None:
        return None
    from journeyflow.delivery.channels.dkim import read_signer  # it brings DNS along, which takes a while

    return read_signer(settings.dkim_key, settings.dkim_selector)


def _sendgrid(settings: Settings, installation: str) -> Channel:
    from journeyflow.delivery.channels.sendgrid import HOSTS, SendGrid  # as with Twilio's

    assert settings.sendgrid_api_key is not None  # the settings have seen to it
    url = settings.sendgrid_url or HOSTS[settings.sendgrid_region]
    return SendGrid(settings.sendgrid_api_key.get_secret_value(), installation, url)


def _twilio(settings: Settings, installation: str) -> Channel:
    # Twilio's client takes a third of a second to import, and most commands and workers do without it.
    from journeyflow.delivery.channels.twilio import Twilio

    assert settings.twilio_account_sid is not None  # the settings have seen to it
    assert settings.twilio_auth_tokens is not None
    return Twilio(
        settings.twilio_account_sid,
        split(settings.twilio_auth_tokens.get_secret_value())[0],
        installation,
        settings.twilio_messaging_service,
        settings.public_url,
        settings.twilio_url,
    )
