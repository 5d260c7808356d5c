"""`octo`: the command-line client. It speaks to a server over its REST API and imports nothing of it."""
