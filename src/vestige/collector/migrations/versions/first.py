"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "reports",
        sa.Column("report", sa.String(32), primary_key=True),
        sa.Column("deletion", sa.String(64), nullable=False),
        sa.Column("schema", sa.String(48), nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("received", sa.Date, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "seen",
        sa.Column("report", sa.String(32), primary_key=True),
        sa.Column("week", sa.String(8), nullable=False, index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cells",
        sa.Column("schema", sa.String(48), primary_key=True),
        sa.Column("week", sa.String(8), primary_key=True),
        sa.Column("event", sa.String(64), primary_key=True),
        sa.Column("field", sa.String(64), primary_key=True),
        sa.Column("label", sa.String(128), primary_key=True),
        sa.Column("reports", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove them."""
    for name in ("cells", "seen", "reports"):
        op.drop_table(name)
