import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.paginator import Paginator
from django.template import Context, RequestContext, Template
from django.utils import timezone

SPRITE = set(re.findall(r'symbol id="([^"]+)"', Path(finders.find("ui/icons.svg")).read_text()))


@dataclass
class Environment:
    name: str
    hue: int


def show(source, **context):
    return Template(source).render(Context(context))


def test_icon_points_into_the_sprite():
    html = show('{% icon "play" "i-sm" %}')
    assert re.search(
        r'<svg class="i i-sm" aria-hidden="true"><use href="/static/ui/icons.svg[^"]*#play"/>', html
    )


def test_icon_with_a_label_is_an_image():
    html = show('{% icon "play" label=words %}', words="A <b>")
    assert 'role="img" aria-label="A &lt;b&gt;"' in html


def test_status_pill_spins_while_work_goes_on():
    html = show('{% status_pill "Executing" %}')
    assert '<span class="pill run">' in html
    assert "spin" in html
    assert "Running</span>" in html


def test_words_of_a_pill_are_escaped():
    assert "&lt;script&gt;" in show('{% status_pill "Failed" words %}', words="<script>")


def test_status_icon_has_a_name_for_screen_readers():
    assert 'class="ic bad" role="img" aria-label="Failed" title="Failed"' in show(
        '{% status_icon "Failed" %}'
    )


def test_status_filters():
    assert show('{{ "HasWarnings"|status_kind }} {{ "HasWarnings"|status_label }}') == "warn Has warnings"


def test_pips_show_every_slot_and_say_it():
    html = show("{% pips 2 5 offline=1 queued=2 %}")
    marks = re.findall(r'<i class="(\w?)"', html)
    assert marks == ["b", "b", "", "", "", "x", "q", "q"]
    assert 'aria-label="2 busy, 3 free, 1 offline, 2 waiting in line"' in html


def test_many_pips_are_counted_instead_of_drawn():
    html = show("{% pips 10 90 %}")
    assert html.count("<i ") == 64
    assert "+26" in html


def test_more_busy_than_usable_slots_leaves_none_free():
    assert '3 busy, 0 free"' in show("{% pips 3 2 %}")


@pytest.mark.parametrize(("hue", "css"), [(1, "e1"), (6, "e6"), (7, "e1"), (0, "e6")])
def test_environment_always_has_one_of_six_hues(hue, css):
    assert f'class="env {css}"' in show("{% env e %}", e=Environment("Test", hue))


def test_environment_name_is_escaped_and_none_is_nothing():
    assert "&lt;i&gt;" in show("{% env e 'chip' %}", e=Environment("<i>", 1))
    assert show("{% env e %}", e=None) == ""


def test_spark_needs_two_values():
    assert show("{% spark values %}", values=[1]) == ""
    assert 'M0.0 24.0 L96.0 2.0"' in show("{% spark values %}", values=[0, 4])


@pytest.mark.parametrize("bucket", [(2, 1), {"ok": 2, "bad": 1}])
def test_bars_stack_failures_on_successes(bucket):
    html = show('{% bars buckets label="Runs" %}', buckets=[bucket, (0, 0)])
    assert re.findall(r'rect class="(\w+)"', html) == ["ok", "bad", "now"]
    assert 'aria-label="Runs"' in html


def test_ago_carries_the_exact_time():
    moment = timezone.now() - timedelta(minutes=6)
    html = show("{% ago moment %}", moment=moment)
    assert f'datetime="{moment.isoformat(timespec="milliseconds")}"' in html
    assert "data-ago>6 m ago</time>" in html


def test_ago_of_nothing():
    assert ">never</span>" in show("{% ago None %}")


def test_elapsed_counts_on_only_while_it_runs():
    start = timezone.now() - timedelta(seconds=112)
    assert "data-since" in show("{% elapsed start %}", start=start)
    finished = show("{% elapsed start end %}", start=start, end=start + timedelta(seconds=9))
    assert finished == "<span>9 s</span>"


def test_duration():
    assert show("{% duration 112 %}|{% duration None %}") == "1 m 52 s|"


@pytest.mark.parametrize(
    ("name", "initials"), [("admin", "AD"), ("release-lead", "RL"), ("Ada L. Byron", "AB")]
)
def test_avatar_shows_initials(name, initials):
    assert f">{initials}</span>" in show("{% avatar name %}", name=name)


def test_avatar_of_a_machine_is_an_icon():
    assert 'class="avatar bot"' in show("{% avatar None %}")


def test_pagination_keeps_the_other_parameters(rf):
    request = rf.get("/tasks/", {"state": "Failed", "page": "2"})
    page = Paginator(range(100), 20).page(2)

    html = Template('{% pagination page noun="tasks" %}').render(RequestContext(request, {"page": page}))

    assert "?state=Failed&amp;page=3" in html
    assert "21 to 40 of 100 tasks" in html


def test_no_pagination_for_one_page(rf):
    page = Paginator(range(3), 20).page(1)
    html = Template("{% pagination page %}").render(RequestContext(rf.get("/"), {"page": page}))
    assert html.strip() == ""


def test_every_icon_named_in_a_template_exists():
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    named = {name for path in templates for name in re.findall(r'{% icon "([^"]+)"', path.read_text())}
    assert named - SPRITE == set()
