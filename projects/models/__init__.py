from projects.models.project import Project, ProjectGroup, TenantedMode, TenantLink
from projects.models.release import Deployment, Release

__all__ = ["Deployment", "Project", "ProjectGroup", "Release", "TenantLink", "TenantedMode"]
