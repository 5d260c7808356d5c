"""Template tags of the design system: icons, status marks, times, people, small charts, form fields."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol
from zlib import crc32

from django import forms, template
from django.forms.boundfield import BoundField
from django.template.context import RequestContext
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from common import markdown as _markdown
from common.fields import field_context, form_problems
from common.statuses import status_of
from common.times import ago_words, duration_words

register = template.Library()

EMPTY = mark_safe("")
# Pages draw the same few pictures over and over. Typed: a safe string must not stand for its plain twin.
_remembered = lru_cache(maxsize=1000, typed=True)
AVATAR_HUES = ("", "a2", "a3", "a4")
HUES = 6


class Hued(Protocol):
    name: str
    hue: int


@register.filter
def markdown(text: str) -> SafeString:
    """What a person wrote in Markdown, for an element with the class `prose`."""
    return _markdown.to_html(text)


@register.simple_tag
@_remembered
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """An icon of the sprite. `css`: i-sm, i-xs, spin. Without a `label` it is hidden from screen readers."""
    classes = f"i {css}".strip()
    href = f"{static('ui/icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', classes, label, href
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', classes, href)


@register.simple_tag
def status_pill(state: object, label: str = "", family: str = "") -> SafeString:
    """The state as a coloured pill with icon and words."""
    status = status_of(state, family=family)
    picture = icon(status.icon, "i-sm spin" if status.spins else "i-sm")
    return format_html('<span class="pill {}">{}{}</span>', status.kind, picture, label or status.label)


@register.simple_tag
@_remembered
def status_icon(state: object, css: str = "", label: str = "", family: str = "") -> SafeString:
    """The state as an icon alone; its words are the accessible name and the tooltip."""
    status = status_of(state, family=family)
    words = label or status.label
    picture = icon(status.icon, f"{css} spin".strip() if status.spins else css)
    return format_html(
        '<span class="ic {}" role="img" aria-label="{}" title="{}">{}</span>',
        status.kind,
        words,
        words,
        picture,
    )


@register.filter
def status_kind(state: object, family: str = "") -> str:
    """The CSS class of the state: ok, run, bad, warn, hold or idle."""
    return str(status_of(state, family=family).kind)


@register.filter
def status_label(state: object, family: str = "") -> str:
    return status_of(state, family=family).label


MAX_PIPS = 64
_PIPS = {kind: f'<i class="{kind}"></i>' for kind in ("b", "", "d", "x", "q")}


@register.simple_tag
def pips(
    busy: int,
    total: int,
    *,
    offline: int = 0,
    draining: int = 0,
    queued: int = 0,
    label: str = "",
    css: str = "",
) -> SafeString:
    """One mark per slot. `total` counts the usable slots, busy or free; the other counts come on top."""
    counts = {"b": busy, "": max(0, total - busy), "d": draining, "x": offline, "q": queued}
    words = label or _pip_words(busy=busy, free=counts[""], draining=draining, offline=offline, queued=queued)
    order = [kind for kind in _PIPS for _ in range(counts[kind])]
    marks = mark_safe("".join(_PIPS[kind] for kind in order[:MAX_PIPS]))  # noqa: S308  # our own words
    hidden = len(order) - MAX_PIPS
    more = format_html('<small class="muted">+{}</small>', hidden) if hidden > 0 else EMPTY
    return format_html(
        '<span class="{}" role="img" aria-label="{}" title="{}">{}{}</span>',
        f"pips {css}".strip(),
        words,
        words,
        marks,
        more,
    )


def _pip_words(*, busy: int, free: int, draining: int, offline: int, queued: int) -> str:
    rest = {"draining": draining, "offline": offline, "waiting in line": queued}
    parts = [f"{busy} busy", f"{free} free", *(f"{count} {word}" for word, count in rest.items() if count)]
    return ", ".join(parts)


@register.simple_tag
def env(environment: Hued | None, css: str = "") -> SafeString:
    """An environment: its square and its name. `css="chip"` puts it in a chip. Nothing for None."""
    if environment is None:
        return EMPTY
    hue = (environment.hue - 1) % HUES + 1
    return format_html('<span class="{}">{}</span>', f"{css} env e{hue}".strip(), environment.name)


@register.simple_tag
def spark(
    values: Sequence[float], kind: str = "ok", label: str = "", width: int = 96, height: int = 26
) -> SafeString:
    """A line of at least two values, as inline SVG. `kind`: ok, warn, bad."""
    if len(values) < 2:
        return EMPTY
    top = max(*values, 1)
    points = [
        f"{index * width / (len(values) - 1):.1f} {height - 2 - value / top * (height - 4):.1f}"
        for index, value in enumerate(values)
    ]
    line = "M" + " L".join(points)
    named = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="spark sp-{}" width="{w}" height="{h}" viewBox="0 0 {w} {h}"'
        ' preserveAspectRatio="none" {}>'
        '<path class="area" d="{line} L{w} {h} L0 {h}Z"/><path class="l" d="{line}"/></svg>',
        kind,
        named,
        w=width,
        h=height,
        line=line,
    )


class Bucket(Protocol):
    ok: int
    bad: int


BAR_HEIGHT, BAR_STEP, BAR_WIDTH = 66, 16, 11


@register.simple_tag
def bars(buckets: Iterable[Bucket | tuple[int, int] | dict[str, int]], label: str = "") -> SafeString:
    """Stacked bars of (ok, bad) counts, oldest first, the last one for now. Say the figures in `label`."""
    pairs = [_pair(bucket) for bucket in buckets]
    top = max([ok + bad for ok, bad in pairs] + [1])
    last = len(pairs) - 1
    shapes = format_html_join(
        "",
        "{}",
        ((_bar(index, ok, bad, top=top, now=index == last),) for index, (ok, bad) in enumerate(pairs)),
    )
    return format_html(
        '<svg class="bars" viewBox="0 0 {} {h}" width="100%" height="{h}" preserveAspectRatio="none"'
        ' role="img" aria-label="{}">{}</svg>',
        max(1, len(pairs)) * BAR_STEP,
        label,
        shapes,
        h=BAR_HEIGHT,
    )


def _pair(bucket: Any) -> tuple[int, int]:
    if isinstance(bucket, dict):
        return bucket["ok"], bucket["bad"]
    if isinstance(bucket, tuple | list):
        return bucket[0], bucket[1]
    return bucket.ok, bucket.bad


def _bar(index: int, ok: int, bad: int, *, top: int, now: bool) -> SafeString:
    floor, scale = BAR_HEIGHT - 2, (BAR_HEIGHT - 8) / top
    x = index * BAR_STEP + (BAR_STEP - BAR_WIDTH) / 2
    # An hour without runs keeps a low mark, so that the axis reads as time and not as a gap.
    ok_height = max(ok * scale, 2.0 if not bad else 0.0)
    kind = "now" if now else "ok" if ok else "none"
    good = _rect(kind, x, floor - ok_height, ok_height) if ok_height else EMPTY
    failed = _rect("bad", x, floor - ok_height - 1 - bad * scale, bad * scale) if bad else EMPTY
    return format_html("{}{}", good, failed)


def _rect(kind: str, x: float, y: float, height: float) -> SafeString:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "height": f"{height:.1f}", "width": BAR_WIDTH}
    return format_html(
        '<rect class="{}" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>', kind, **place
    )


@register.simple_tag
def ago(moment: datetime | None, empty: str = "never") -> SafeString:
    """`6 m ago`, kept fresh in the browser, with the exact time as tooltip."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', empty)
    words = ago_words((timezone.now() - moment).total_seconds())
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', _iso(moment), _exact(moment), words
    )


@register.simple_tag
def duration(length: float | timedelta | None, empty: str = "") -> str:
    """Seconds, or a timedelta, as `1 m 52 s`."""
    return empty if length is None else duration_words(length)


@register.simple_tag
def elapsed(start: datetime | None, end: datetime | None = None) -> SafeString:
    """The time from `start` to `end`; while there is no end it counts on in the browser."""
    if start is None:
        return EMPTY
    words = duration_words(((end or timezone.now()) - start).total_seconds())
    if end is not None:
        return format_html("<span>{}</span>", words)
    return format_html('<time datetime="{}" data-since>{}</time>', _iso(start), words)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _exact(moment: datetime) -> str:
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return local.strftime("%Y-%m-%d %H:%M:%S %Z").strip()


@register.simple_tag
def avatar(person: Any, css: str = "", bot: str = "calendar-clock") -> SafeString:
    """The initials of a user, or the icon `bot` where nobody in person stands behind an act."""
    if not person:
        return format_html('<span class="{}">{}</span>', f"avatar bot {css}".strip(), icon(bot, "i-xs"))
    name = display_name(person)
    hue = AVATAR_HUES[crc32(name.encode()) % len(AVATAR_HUES)]
    classes = " ".join(part for part in ("avatar", hue, css) if part)
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, _initials(name))


@register.filter
def display_name(person: Any) -> str:
    """The full name of a user where there is one, else the user name."""
    full_name = person.get_full_name() if hasattr(person, "get_full_name") else ""
    return str(full_name or person)


def _initials(name: str) -> str:
    words = [word for word in name.replace(".", " ").replace("-", " ").replace("_", " ").split() if word]
    if not words:
        return "?"
    return (words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2]).upper()


@register.inclusion_tag("ui/pagination.html", takes_context=True)
def pagination(context: RequestContext, page_obj: Any, noun: str = "") -> dict[str, Any]:
    """Links to the pages around `page_obj`, keeping the other parameters. Nothing where there is one page."""
    pages = page_obj.paginator.get_elided_page_range(page_obj.number, on_each_side=1, on_ends=1)
    gap = page_obj.paginator.ELLIPSIS
    return {
        "request": context.get("request"),
        "page": page_obj,
        "numbers": [None if number == gap else number for number in pages],
        "noun": noun,
    }


@register.simple_tag
def script_prefix() -> str:
    """The prefix of every address in this space, `/` or `/s/<slug>/`."""
    return get_script_prefix()


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField, **options: Any) -> dict[str, Any]:
    """A form field with label, control, hint and errors. Options: see `common.fields.field_context`."""
    return field_context(bound, **options)


@register.inclusion_tag("ui/fields.html")
def fields(form: forms.BaseForm) -> dict[str, Any]:
    """Every field of the form in its order, hidden ones included, after the errors of the form as a whole."""
    return {"form": form, "problems": form_problems(form)}


@register.inclusion_tag("ui/form_errors.html")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """The errors that belong to no visible field, as a callout."""
    return {"problems": form_problems(form)}
