"""The agent: runs scripts on this machine for an Octoworkers server. Ships as one file."""

__version__ = "0.1.0"
