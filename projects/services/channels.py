"""The only writer of channels. Each project has exactly one default channel, which is never deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import CannotDelete, delete_unused
from domain import codec
from domain.channels import MOST_RULES, ChannelRule, problem_with
from environments.models import Lifecycle
from projects.models import Channel, Project
from tenants.models import Tag

DEFAULT = "Default"


class CannotDeleteDefault(CannotDelete):
    pass


class NameTaken(Exception):
    """Another channel of this project has the name (ignoring case)."""

    def __init__(self) -> None:
        super().__init__("This project has a channel of this name. Choose another one.")


class NeedsDefault(ValueError):
    """A project would be left without a default channel."""

    def __init__(self) -> None:
        super().__init__("A project has one default channel. Make another channel the default instead.")


class BadRule(ValueError):
    """A rule that nobody can follow; the message says why."""


@dataclass(frozen=True)
class ChannelFields:
    """What people say of a channel. No lifecycle means the project's; no tags mean all tenants and none."""

    name: str
    description: str = ""
    lifecycle: Lifecycle | None = None
    is_default: bool = False
    tags: Sequence[Tag] = ()
    rules: Sequence[ChannelRule] = field(default_factory=tuple)


def create(*, project: Project, fields: ChannelFields, user: User | None) -> Channel:
    """Raises `NameTaken` or `BadRule`."""
    slug = unique_slug(fields.name, Channel.objects.filter(project=project), fallback="channel")
    channel = Channel(project=project, slug=slug)
    with transaction.atomic():
        _save(channel, fields)
        _record(channel, user=user, category="Created", message=f"Created channel {_full_name(channel)}.")
    return channel


def ensure_default(project: Project) -> Channel:
    """The default channel, made where the project has none yet."""
    found: Channel | None = Channel.objects.filter(project=project, is_default=True).first()
    return found or Channel.objects.create(project=project, name=DEFAULT, slug="default", is_default=True)


def edit(channel: Channel, fields: ChannelFields, *, user: User | None) -> Channel:
    """The slug stays. Raises `NameTaken`, `BadRule`, or `NeedsDefault`."""
    with transaction.atomic():
        if channel.is_default and not fields.is_default:
            raise NeedsDefault
        _save(channel, fields)
        _record(channel, user=user, category="Modified", message=f"Changed channel {_full_name(channel)}.")
    return channel


@transaction.atomic
def delete(channel: Channel, *, user: User | None) -> None:
    """Raises `CannotDeleteDefault`, and `common.usage.InUse` with its releases and what is scoped to it."""
    if channel.is_default:
        raise CannotDeleteDefault(f"{channel} is the default channel of its project.")
    _record(channel, user=user, category="Deleted", message=f"Deleted channel {_full_name(channel)}.")
    delete_unused(channel)


def _save(channel: Channel, fields: ChannelFields) -> None:
    _refuse_bad_rules(fields.rules)
    siblings = Channel.objects.filter(project=channel.project).exclude(pk=channel.pk)
    # Held, so that two people cannot each make another channel the default.
    Project.objects.select_for_update().get(pk=channel.project_id)
    if siblings.filter(name__iexact=fields.name).exists():
        raise NameTaken
    if fields.is_default:
        siblings.filter(is_default=True).update(is_default=False)
    channel.name, channel.description = fields.name, fields.description
    channel.lifecycle, channel.is_default = fields.lifecycle, fields.is_default
    channel.rules = rules_json(fields.rules)
    try:
        with transaction.atomic():
            channel.save()
    except IntegrityError as error:
        raise NameTaken from error
    channel.tags.set(fields.tags)


def rules_json(rules: Iterable[ChannelRule]) -> list[Any]:
    return [codec.encode_fields(rule) for rule in rules]


def _refuse_bad_rules(rules: Sequence[ChannelRule]) -> None:
    if len(rules) > MOST_RULES:
        raise BadRule(f"A channel has at most {MOST_RULES} rules.")
    for rule in rules:
        if problem := problem_with(rule):
            raise BadRule(problem)


def _full_name(channel: Channel) -> str:
    return f"{channel.name} of {channel.project.name}"


def _record(channel: Channel, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=channel, message=message, space=channel.project.space)
