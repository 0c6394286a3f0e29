"""The agent of one machine: starts a process for each job, speaks with it and reports for it."""
