"""Owners of variable sets. `Owner.url` is the address of the page that edits the variables."""

from common.owners import Owner, Owners

_owners = Owners()
register = _owners.register
resolve = _owners.resolve

__all__ = ["Owner", "register", "resolve"]
