from packages.models.feed import Feed, FeedType
from packages.models.package import OwnerKind, Package, PackageUse

__all__ = ["Feed", "FeedType", "OwnerKind", "Package", "PackageUse"]
