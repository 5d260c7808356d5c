"""One file that holds an installation: its database with the logs, its files and its keys; made while the
server runs, and put back while it does not."""
