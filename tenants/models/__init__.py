from tenants.models.tag_set import Tag, TagSet
from tenants.models.tenant import Tenant

__all__ = ["Tag", "TagSet", "Tenant"]
