"""What `apply` puts into the store: policy, templates and immutable journey versions."""

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text, UniqueConstraint

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

policies = Table(  # the newest row is in force
    "policies",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("body", Json, nullable=False),  # Policy.to_json()
    Column("applied_at", UtcDateTime, nullable=False),
)

templates = Table(
    "templates",
    metadata,
    Column("name", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("locale", Text, primary_key=True),  # "": the fallback for every locale
    Column("digest", Text, nullable=False),
    Column("body", Json, nullable=False),  # Template.to_json()
    Column("applied_at", UtcDateTime, nullable=False),
)

journey_versions = Table(
    "journey_versions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("journey", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("plan", Json, nullable=False),  # Plan.to_json()
    Column("source", Text, nullable=False),  # the YAML as it was applied
    Column("applied_at", UtcDateTime, nullable=False),
    UniqueConstraint("journey", "digest"),
)

journeys = Table(
    "journeys",
    metadata,
    Column("name", Text, primary_key=True),
    # The version that whoever enters now enters.
    Column("version_id", BigId, ForeignKey("journey_versions.id"), nullable=False),
    Column("enabled", Boolean, nullable=False),  # False: its file is gone; nobody enters, people inside go on
    # When it began to let people in as it does now: it makes up for no date and no time of before.
    Column("since", UtcDateTime, nullable=False),
    Column("paused_at", UtcDateTime),  # nobody enters and nothing is sent until somebody resumes it
)
