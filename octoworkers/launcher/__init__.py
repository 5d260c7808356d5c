"""Everything on one machine with one command: the server, its own worker, and two local agents."""
