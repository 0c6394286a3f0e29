"""The steps from each release's tables to the next's, numbered and forward only; `upgrade.py` runs them when a store is opened."""
