"""What Alembic runs: the migrations, in the transaction that the store has opened for them."""

from alembic import context

from triptych.stores.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
