"""Owners of processes. `Owner.url` is the address of the editor's page and ends in a slash."""

from common.owners import Owner, Owners

_owners = Owners()
register = _owners.register
resolve = _owners.resolve

__all__ = ["Owner", "register", "resolve"]
