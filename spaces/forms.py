from __future__ import annotations

from typing import Any

from django import forms

from spaces.models import NamedInSpace, Space


class NamedForm(forms.Form):
    """Name and description of a row of a space. A taken name is said at the field; the constraint in
    the database stands behind it. Set `model` in the subclass."""

    model: type[NamedInSpace]

    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, space: Space, instance: NamedInSpace | None = None, **kwargs: Any) -> None:
        self.space, self.instance = space, instance
        if instance is not None:
            kwargs["initial"] = self.values_of(instance) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    def values_of(self, instance: Any) -> dict[str, Any]:
        """What the fields show of a row that is edited."""
        return {"name": instance.name, "description": instance.description}

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        taken = self.model.objects.in_space(self.space).filter(name__iexact=name)
        if self.instance is not None:
            taken = taken.exclude(pk=self.instance.pk)
        if taken.exists():
            raise forms.ValidationError("This name is taken in this space. Choose another one.")
        return name


class SpaceForm(forms.Form):
    name = forms.CharField(max_length=50)
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, instance: Space | None = None, **kwargs: Any) -> None:
        self.instance = instance
        if instance is not None:
            kwargs["initial"] = {"name": instance.name, "description": instance.description}
        super().__init__(*args, **kwargs)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        taken = Space.objects.filter(name__iexact=name)
        if self.instance is not None:
            taken = taken.exclude(pk=self.instance.pk)
        if taken.exists():
            raise forms.ValidationError("There is a space of this name. Choose another one.")
        return name
