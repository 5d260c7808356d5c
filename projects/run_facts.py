"""What the scripts of a run can know of its project: its group, earlier releases, addresses."""

from __future__ import annotations

from domain.system_variables import Ref, ReleaseHistory
from projects.models import Deployment, Project, ProjectGroup, Release
from spaces.models import Space
from tasks.models import ServerTask, TaskState


def group_of(project: Project) -> Ref | None:
    """The default group of the space where the project names none."""
    groups = ProjectGroup.objects.in_space(project.space)
    group = project.group or groups.filter(is_default=True).first()
    return Ref(f"ProjectGroups-{group.pk}", group.name) if group else None


def history_of(deployment: Deployment) -> ReleaseHistory:
    """As it is when the run begins."""
    release = deployment.release
    before = Release.objects.filter(project=release.project_id, pk__lt=release.pk).order_by("-pk")
    succeeded = Deployment.objects.filter(
        release__project=release.project_id,
        environment=deployment.environment_id,
        tenant=deployment.tenant_id,
        task__state=TaskState.SUCCESS,
        pk__lt=deployment.pk,
    ).order_by("-pk")
    versions = succeeded.values_list("release__version", flat=True)
    return ReleaseHistory(
        previous=before.values_list("version", flat=True).first() or "",
        previous_here=versions.exclude(release=release.pk).first() or "",
        current_here=versions.first() or "",
    )


def link(space: Space, path: str) -> str:
    """The path on the server of a path in the space."""
    return path if space.is_default else f"/s/{space.slug}{path}"


def task_link(task: ServerTask) -> str:
    return link(task.space, f"/tasks/{task.pk}/")
