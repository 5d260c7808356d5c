from accounts.models.api_key import ApiKey
from accounts.models.event import Event
from accounts.models.user import Role, User

__all__ = ["ApiKey", "Event", "Role", "User"]
