from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import QueryDict

from spaces.forms import NamedForm
from tenants.models import Tag, TagSet, Tenant
from tenants.selectors import tags
from tenants.services.tag_sets import TagRow

MAX_TAGS = 200
DEFAULT_COLOR = "#5d6776"


class TenantForm(NamedForm):
    model = Tenant

    tags = forms.ModelMultipleChoiceField(Tag.objects.none(), required=False)
    is_disabled = forms.BooleanField(
        label="Disabled", required=False, help_text="Nothing can be run for it until it is enabled again."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["tags"]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101 - declared above
        field.queryset = tags(self.space)

    def values_of(self, instance: Any) -> dict[str, Any]:
        chosen = [tag.pk for tag in instance.tags.all()]
        return super().values_of(instance) | {"tags": chosen, "is_disabled": instance.is_disabled}

    def chosen_tags(self) -> set[str]:
        """Ids as text of the tags that are ticked as the form stands, for the boxes in the page."""
        return {str(value) for value in self["tags"].value() or []}


class TagSetForm(NamedForm):
    model = TagSet

    def clean_name(self) -> str:
        return _without_slash(super().clean_name())


class TagForm(forms.Form):
    """One row of the tags of a set; a row without a name and without an id is not there."""

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=120)
    description = forms.CharField(max_length=500, required=False)
    color = forms.CharField(initial=DEFAULT_COLOR, widget=forms.TextInput(attrs={"type": "color"}))

    def clean_name(self) -> str:
        return _without_slash(self.cleaned_data["name"])

    def clean_color(self) -> str:
        color: str = self.cleaned_data["color"]
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
            raise forms.ValidationError("Enter a colour such as #0b6e85.")
        return color.lower()

    def is_there(self) -> bool:
        return bool(self["id"].value() or str(self["name"].value() or "").strip())

    def has_changed(self) -> bool:
        # A blank row is left out, whatever its colour and its place say.
        return self.is_there() and super().has_changed()


class BaseTagFormSet(forms.BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    def __init__(self, *args: Any, tag_set: TagSet | None = None, **kwargs: Any) -> None:
        self.known = {tag.pk: tag for tag in tag_set.tags.all()} if tag_set else {}
        kwargs["initial"] = [
            {"id": tag.pk, "name": tag.name, "description": tag.description, "color": tag.color}
            for tag in self.known.values()
        ]
        super().__init__(*args, **kwargs)

    def clean(self) -> None:
        if any(self.errors):
            return
        seen: set[str] = set()
        ids: set[int] = set()
        for form in self._kept():
            name, tag_id = form.cleaned_data["name"].casefold(), form.cleaned_data["id"]
            if name in seen:
                form.add_error("name", "This tag set has a tag of this name.")
            if tag_id is not None and (tag_id not in self.known or tag_id in ids):
                raise forms.ValidationError("A tag was deleted meanwhile. Load the page again.")
            seen.add(name)
            ids.update({tag_id} - {None})

    def rows(self) -> list[TagRow]:
        """The tags to save, in their order. Only after `is_valid`."""
        kept = {id(form) for form in self._kept()}
        return [
            TagRow(
                id=form.cleaned_data["id"],
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                color=form.cleaned_data["color"],
            )
            for form in self.ordered_forms
            if id(form) in kept
        ]

    def _kept(self) -> list[TagForm]:
        gone = {id(form) for form in self.deleted_forms}
        return [form for form in self.forms if form.is_there() and id(form) not in gone]


def tag_rows(data: QueryDict | None, *, tag_set: TagSet | None = None) -> BaseTagFormSet:
    """The rows of a set's tags; `data` is what was posted, if anything."""
    factory = forms.formset_factory(
        TagForm,
        formset=BaseTagFormSet,
        extra=3,
        can_delete=True,
        can_order=True,
        max_num=MAX_TAGS,
        validate_max=True,
    )
    made: BaseTagFormSet = factory(data, prefix="tags", tag_set=tag_set)  # type: ignore[assignment, call-arg]  # as given above
    return made


def _without_slash(name: str) -> str:
    if "/" in name:
        raise forms.ValidationError("A name here cannot hold a slash: Region/EU is the set and its tag.")
    return name
