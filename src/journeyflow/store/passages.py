"""Cohorts, the enrollments in them, the legs they travelled, and the outboxes towards Temporal."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

cohorts = Table(
    "cohorts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("version_id", BigId, ForeignKey("journey_versions.id"), nullable=False),
    Column("size", Integer, nullable=False),  # 1 to COHORT_SIZE
    Column("created_at", UtcDateTime, nullable=False),
)

enrollments = Table(
    "enrollments",
    metadata,
    # 1000 * cohort_id + position, so that a cohort and a mask name its enrollments.
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("cohort_id", BigId, ForeignKey("cohorts.id"), nullable=False),
    Column("version_id", BigId, ForeignKey("journey_versions.id"), nullable=False),
    Column("journey", Text, nullable=False),
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False),
    Column("occasion", Text, nullable=False),  # what brought the customer in; once per occasion
    # The event that brought the customer in. No foreign key: on PostgreSQL events lie in months.
    Column("event_id", BigId),
    Column("entered_at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime, nullable=False),  # the event's own time, else entered_at: later events count
    # When it left its last stop (or came in), and the event that brought it from there: only later events
    # can find it at the wait_for where it rests.
    Column("reached_at", UtcDateTime, nullable=False),
    Column("woken_by", BigId),
    Column("state", Text, nullable=False),  # active | finished | exited | failed
    Column("step", Integer),  # the stop where it rests; None before the first leg
    Column("wake_at", UtcDateTime),
    Column("reason", Text),  # of exited and failed
    Column("ended_at", UtcDateTime),
    Column("goal_at", UtcDateTime),
    Column("goal_value", Float),
    UniqueConstraint("customer_id", "journey", "occasion"),
    Index(None, "version_id", "state", "step"),
    Index(None, "event_id"),  # for the events that retention and erasures take away
)

legs = Table(
    "legs",
    metadata,
    Column("cohort_id", BigId, ForeignKey("cohorts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),  # the workflow's time
    Column("arrivals", Json, nullable=False),  # who set out, and what woke them
    Column("outcome", Json, nullable=False),  # what the workflow was, and will be, told
    Column("trail", Json, nullable=False),  # per step: what was decided, for which members, why
)

observations = Table(  # what a branch saw, so that `why` can tell it when it has changed
    "observations",
    metadata,
    Column("enrollment_id", BigInteger, ForeignKey("enrollments.id"), primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("facts", Json, nullable=False),  # [[what was asked, what it was], ...]
)

starts = Table(  # cohorts whose workflow has yet to be started
    "starts",
    metadata,
    Column("cohort_id", BigId, ForeignKey("cohorts.id"), primary_key=True, autoincrement=False),
    Column("due_at", UtcDateTime),  # its members do not set out before; None: at once
)

wakeups = Table(  # events that have yet to be signalled to a cohort
    "wakeups",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("cohort_id", BigId, ForeignKey("cohorts.id"), nullable=False, index=True),
    Column("member", Integer, nullable=False),
    Column("step", Integer, nullable=False),  # the wait_for that the event satisfies
    Column("event_id", BigId, nullable=False),
    Column("event_at", UtcDateTime, nullable=False),
)

sweeps = Table(  # how far an occasion of a scheduled entry has got
    "sweeps",
    metadata,
    Column("journey", Text, primary_key=True),
    Column("occasion", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False),  # the last customer looked at
    Column("done_at", UtcDateTime),
)
