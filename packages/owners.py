"""Who holds packages: higher apps register how their owners are found."""

from common.owners import Owners

_owners = Owners()
register = _owners.register
resolve = _owners.resolve
