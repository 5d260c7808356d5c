from accounts.models.event import Event
from accounts.models.user import Role, User

__all__ = ["Event", "Role", "User"]
