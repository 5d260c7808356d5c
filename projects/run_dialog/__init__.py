"""The run dialog, for deployments and for runbooks: what to run where, the plan of it, and the start."""
