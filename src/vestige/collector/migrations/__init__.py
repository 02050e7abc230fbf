"""The history of the database's tables, run by alembic whenever a store is opened."""
