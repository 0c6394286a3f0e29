"""Where jobs are kept: one SQL schema for SQLite and PostgreSQL, and a store in memory."""
