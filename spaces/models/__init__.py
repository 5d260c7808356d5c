from spaces.models.owned import NamedInSpace, SpaceOwned, SpaceOwnedQuerySet
from spaces.models.space import Space

__all__ = ["NamedInSpace", "Space", "SpaceOwned", "SpaceOwnedQuerySet"]
