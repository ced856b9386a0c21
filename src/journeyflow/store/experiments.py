"""Experiments: how they stand, who was exposed to which arm, and when people act."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

experiments = Table(
    "experiments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("journey", Text, nullable=False),
    Column("design", Json, nullable=False),  # what `design` makes of the split and all that is inside of it
    Column("digest", Text, nullable=False),  # of the design
    Column("generation", Integer, nullable=False),  # 1; each time it is started anew one more
    Column("started_at", UtcDateTime, nullable=False),  # of this generation
    Column("shares", Json),  # of a bandit, in hundredths of a percent: the holdout, then the variants
    Column("winner", Text),  # the variant that all newcomers get
    Column("decided_at", UtcDateTime),
    Column("decision", Json),  # by what rule or by whom, and on what figures
)

exposures = Table(  # the first time in each generation; whoever comes again stays in the arm
    "exposures",
    metadata,
    Column("experiment", Text, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("customer_id", BigId, ForeignKey("customers.id"), primary_key=True, autoincrement=False),
    Column("arm", Text, nullable=False),  # the variant; "": the holdout
    Column("share", Integer, nullable=False),  # hundredths of a percent that the arm had then
    Column("at", UtcDateTime, nullable=False),
    Index(None, "customer_id"),
)

best_hours = Table(  # how often people act in each hour of their own day, of all customers together
    "best_hours",
    metadata,
    Column("event", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),  # 0 to 23
    Column("times", Integer, nullable=False),
)
