from projects.models.channel import Channel
from projects.models.project import Project, ProjectGroup, TenantedMode, TenantLink
from projects.models.release import Deployment, Release

__all__ = ["Channel", "Deployment", "Project", "ProjectGroup", "Release", "TenantLink", "TenantedMode"]
