from packages.models.build_information import BuildInformation
from packages.models.feed import Feed, FeedType
from packages.models.package import OwnerKind, Package, PackageUse

__all__ = ["BuildInformation", "Feed", "FeedType", "OwnerKind", "Package", "PackageUse"]
