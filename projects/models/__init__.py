from projects.models.project import Project, TenantedMode, TenantLink
from projects.models.release import Deployment, Release

__all__ = ["Deployment", "Project", "Release", "TenantLink", "TenantedMode"]
