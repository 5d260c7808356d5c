"""Forms of projects and releases. What a form cannot know (a taken name) the view adds from the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from environments.models import Environment, Lifecycle
from projects import versions
from projects.models import Channel, Project, ProjectGroup, TenantedMode
from projects.package_versions import PackageVersionsForm
from tenants.models import Tenant

NAME_TAKEN = "This name is taken. Choose another one."


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Unique in this space.")
    description = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What the project is about, for people who look for it.",
    )
    tenanted_mode = forms.ChoiceField(
        label="Tenants",
        choices=TenantedMode.choices,
        widget=forms.RadioSelect,
        initial=TenantedMode.UNTENANTED,
    )

    def __init__(self, *args: Any, project: Project | None = None, **kwargs: Any) -> None:
        if project is not None:
            kwargs["initial"] = {
                "name": project.name,
                "description": project.description,
                "tenanted_mode": project.tenanted_mode,
            }
        super().__init__(*args, **kwargs)
        self.fields["tenanted_mode"].descriptions = {  # type: ignore[attr-defined]  # shown by the field template
            TenantedMode.UNTENANTED.value: "One installation per environment.",
            TenantedMode.BOTH.value: "Each run chooses: for tenants that are connected, or for none.",
            TenantedMode.TENANTED.value: "Each run is for at least one connected tenant.",
        }


class PlaceForm(forms.Form):
    """The heading that a project stands under, and the way of its releases."""

    group = forms.ModelChoiceField(
        ProjectGroup.objects.none(), required=False, empty_label="The default group of the space"
    )
    lifecycle = forms.ModelChoiceField(
        Lifecycle.objects.none(),
        required=False,
        empty_label="The default lifecycle of the space",
        help_text="A channel may have another one.",
    )

    def __init__(self, *args: Any, project: Project, groups: Any, lifecycles: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"group": project.group_id, "lifecycle": project.lifecycle_id}
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = groups  # type: ignore[attr-defined]
        self.fields["lifecycle"].queryset = lifecycles  # type: ignore[attr-defined]


class TenantLinksForm(forms.Form):
    """A list of environments for each tenant, named `tenant-<id>`; an empty one means not connected."""

    def __init__(
        self,
        *args: Any,
        project: Project,
        tenants: Sequence[Tenant],
        environments: Sequence[Environment],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._tenants, self._environments = list(tenants), {str(one.pk): one for one in environments}
        connected = {
            link.tenant_id: [str(one.pk) for one in link.environments.all()]
            for link in project.tenant_links.prefetch_related("environments")
        }
        choices = [(str(one.pk), one.name) for one in environments]
        for tenant in self._tenants:
            self.fields[f"tenant-{tenant.pk}"] = forms.MultipleChoiceField(
                label=tenant.name,
                choices=choices,
                required=False,
                initial=connected.get(tenant.pk, []),
                widget=forms.CheckboxSelectMultiple,
                error_messages={"invalid_choice": "One of these environments does not exist here."},
            )

    @property
    def links(self) -> dict[Tenant, list[Environment]]:
        """Of a valid form: the chosen environments of each tenant."""
        return {
            tenant: [self._environments[pk] for pk in self.cleaned_data[f"tenant-{tenant.pk}"]]
            for tenant in self._tenants
        }


class ReleaseForm(PackageVersionsForm):
    channel = forms.ModelChoiceField(
        Channel.objects.none(),
        required=False,
        empty_label=None,
        help_text="It says which versions of packages are let in, and where the release may go.",
    )
    ignore_rules = forms.BooleanField(
        required=False,
        label="Ignore the channel's version rules",
        help_text="The release says so for good.",
    )
    version = forms.CharField(
        max_length=versions.MAX_LENGTH,
        help_text="Two to four numbers with dots, such as 1.4.0 or 2.0.0-rc.1.",
    )
    notes = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What is new, for those who deploy it.",
    )

    def __init__(self, *args: Any, channels: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = Channel.objects.none() if channels is None else channels
        self.fields["channel"].queryset = found  # type: ignore[attr-defined]
        self.has_channels = len(found) > 1
        if not any(one.rules for one in found):
            del self.fields["ignore_rules"]

    def clean_version(self) -> str:
        version = str(self.cleaned_data["version"])
        problem = versions.problem_with(version)
        if problem:
            raise forms.ValidationError(problem)
        return version
