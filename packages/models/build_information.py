from __future__ import annotations

from django.db import models

from domain.packages import MAX_ID
from domain.versions import MAX_LENGTH
from spaces.models import SpaceOwned

_LONGEST_SORT_KEY = 600


class BuildInformation(SpaceOwned):
    """What the build of one version of a package said. The package itself may come later, or never. The keys
    are those of `Package`."""

    package_id = models.CharField(max_length=MAX_ID)
    version = models.CharField(max_length=MAX_LENGTH)
    id_key = models.CharField(max_length=MAX_ID, editable=False)
    version_key = models.CharField(max_length=MAX_LENGTH, editable=False)
    sort_key = models.CharField(max_length=_LONGEST_SORT_KEY, editable=False)
    branch = models.CharField(max_length=300, blank=True)
    build_environment = models.CharField(max_length=100, blank=True)
    build_number = models.CharField(max_length=200, blank=True)
    build_url = models.CharField(max_length=2000, blank=True, help_text="http and https alone.")
    vcs_type = models.CharField(max_length=50, blank=True)
    vcs_root = models.CharField(max_length=2000, blank=True)
    vcs_commit = models.CharField(max_length=200, blank=True)
    commits = models.JSONField(default=list, help_text="A list of domain.build_information.Commit.")
    work_items = models.JSONField(default=list, help_text="A list of domain.build_information.WorkItem.")
    created_at = models.DateTimeField(auto_now_add=True)
    pushed_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["id_key", "-sort_key", "-pk"]
        verbose_name_plural = "build information"
        constraints = [
            models.UniqueConstraint(
                fields=["space", "id_key", "version_key"], name="packages_buildinformation_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.package_id} {self.version}"
