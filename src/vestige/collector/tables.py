"""What the collector keeps: reports as they came (for a while), the ids it has had, and aggregates by week."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

# A report as it came, canonical. `received` is a day: nothing finer is known of anybody.
REPORTS = sa.Table(
    "reports",
    METADATA,
    sa.Column("report", sa.String(32), primary_key=True),
    sa.Column("deletion", sa.String(64), nullable=False),
    sa.Column("schema", sa.String(48), nullable=False),
    sa.Column("week", sa.String(8), nullable=False),
    sa.Column("received", sa.Date, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
)

# Every id that was accepted, also of reports deleted since: a replayed report must not count again.
SEEN = sa.Table(
    "seen",
    METADATA,
    sa.Column("report", sa.String(32), primary_key=True),
    sa.Column("week", sa.String(8), nullable=False, index=True),
    sqlite_with_rowid=False,
)

# In how many reports of a week a label stood, and the lower edges of the counts that stood with it. An empty `event` is
# the report as a whole, an empty `field` and `label` are the event (or report) itself.
CELLS = sa.Table(
    "cells",
    METADATA,
    sa.Column("schema", sa.String(48), primary_key=True),
    sa.Column("week", sa.String(8), primary_key=True),
    sa.Column("event", sa.String(64), primary_key=True),
    sa.Column("field", sa.String(64), primary_key=True),
    sa.Column("label", sa.String(128), primary_key=True),
    sa.Column("reports", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
