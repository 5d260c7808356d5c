from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from common.usage import InUse
from domain.channels import ChannelRule, RulePackage
from domain.conditions import Applies
from domain.package_references import PACKAGE_ID
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from domain.scopes import Kind, Scope
from domain.variables import VariableType
from environments.services import lifecycles
from environments.services.lifecycles import PhaseFields
from processes.services import processes
from processes.services.steps import StepFields, fields_of
from projects.models import Channel, Release
from projects.services import channels, deployments, projects, releases
from projects.services.channels import ChannelFields
from projects.services.progress import OutOfTurn
from projects.services.releases import AgainstRules
from tests.factories import ChannelFactory, TagFactory, TenantFactory, push_package
from tests.projects import scenarios
from variables.services.rows import Row


@pytest.fixture
def hotfix(project) -> Channel:
    return channels.create(project=project, fields=ChannelFields("Hotfix"), user=None)


@pytest.fixture
def packaged(project):
    """The action of a step with the package Acme.Web, of which three versions were pushed."""
    process = scenarios.process_of(project)
    fields = StepFields(
        name="Deploy web",
        properties={SCRIPT_BODY: "echo", SCRIPT_SYNTAX: "Bash", PACKAGE_ID: "Acme.Web"},
    )
    processes.add_step(process=process, version=process.version, fields=fields)
    for version in ("1.0.0", "1.1.0-beta", "2.0.0"):
        push_package(f"Acme.Web.{version}.zip", space=project.space)
    process.refresh_from_db()
    return process.steps.get(name="Deploy web").actions.get()


def _deploy(release, environments, user, tenants=()):
    return deployments.deploy(
        release=release, environments=environments, tenants=tenants, user=user, now=timezone.now()
    )


class TestTheDefault:
    def test_a_project_is_born_with_one_and_releases_are_made_in_it(self, project, editor):
        release = releases.create(project=project, version="1.0.0", user=editor)

        assert release.channel == Channel.objects.get(project=project, is_default=True)
        assert release.channel.name == "Default"

    def test_another_one_takes_its_place(self, project, hotfix):
        channels.edit(hotfix, ChannelFields("Hotfix", is_default=True), user=None)

        assert [one.name for one in Channel.objects.filter(project=project, is_default=True)] == ["Hotfix"]

    def test_there_is_always_one(self, project):
        default = channels.ensure_default(project)

        with pytest.raises(channels.NeedsDefault):
            channels.edit(default, ChannelFields("Default"), user=None)
        with pytest.raises(channels.CannotDeleteDefault):
            channels.delete(default, user=None)


class TestNames:
    def test_are_unique_in_the_project_alone(self, space, project, hotfix):
        other = scenarios.project(space, name="Other")

        channels.create(project=other, fields=ChannelFields("hotfix"), user=None)
        with pytest.raises(channels.NameTaken):
            channels.create(project=project, fields=ChannelFields("HOTFIX"), user=None)


class TestDeletion:
    def test_is_refused_with_the_releases_and_the_values_in_it(
        self, project, hotfix, environments, pools, editor
    ):
        releases.create(project=project, version="1.0.0", channel=hotfix, user=editor)
        scope = Scope.of({Kind.CHANNEL: [hotfix.pk]})
        value = Row(name="Ring", type=VariableType.STRING, value="1", scope=scope)
        scenarios.route(project, dict(zip(environments, pools, strict=True)), others=[value])

        with pytest.raises(InUse) as refusal:
            channels.delete(hotfix, user=editor)

        named = [(use.kind, use.label) for use in refusal.value.uses]
        assert named == [("Release", "1.0.0"), ("Variable", "Ring in Orders database")]

    def test_of_a_project_takes_channels_and_releases_along(self, project, hotfix, editor):
        releases.create(project=project, version="1.0.0", channel=hotfix, user=editor)

        projects.delete(project, user=editor)

        assert not Channel.objects.exists()
        assert not Release.objects.exists()

    def test_of_a_lifecycle_names_the_channel_that_follows_it(self, space, project, hotfix):
        fast = lifecycles.create(space=space, name="Fast")
        channels.edit(hotfix, ChannelFields("Hotfix", lifecycle=fast), user=None)

        with pytest.raises(InUse) as refusal:
            lifecycles.delete(fast, user=None)

        assert [use.label for use in refusal.value.uses] == ["Hotfix of Orders database"]


class TestDeployments:
    def test_follow_the_lifecycle_of_the_channel(self, space, project, hotfix, environments, editor):
        development, production = environments
        careful = lifecycles.create(
            space=space,
            name="Careful",
            phases=[PhaseFields("One", [development]), PhaseFields("Two", [production])],
        )
        projects.place(project, group=None, lifecycle=careful, user=None)
        straight = lifecycles.create(space=space, name="Straight", phases=[PhaseFields("All", [production])])
        channels.edit(hotfix, ChannelFields("Hotfix", lifecycle=straight), user=None)
        usual = releases.create(project=project, version="1.0.0", user=editor)
        urgent = releases.create(project=project, version="1.0.1", channel=hotfix, user=editor)

        with pytest.raises(OutOfTurn):
            _deploy(usual, [production], editor)
        assert _deploy(urgent, [production], editor)
        with pytest.raises(OutOfTurn, match="Straight has no phase with the environment Development"):
            _deploy(urgent, [development], editor)

    def test_go_to_tenants_with_the_tags_of_the_channel_alone(
        self, space, environments, pools, default_pool, editor
    ):
        project = scenarios.project(space, tenanted_mode="TenantedOrUntenanted")
        scenarios.add_step(project, pool=pools[0])
        early = TagFactory(name="Early", tag_set__name="Ring", tag_set__space=space)
        first, second = TenantFactory(space=space, name="First"), TenantFactory(space=space, name="Second")
        first.tags.set([early])
        scenarios.connect(project, {first: environments, second: environments})
        preview = channels.create(project=project, fields=ChannelFields("Preview", tags=[early]), user=None)
        release = releases.create(project=project, version="1.0.0", channel=preview, user=editor)

        assert _deploy(release, environments[:1], editor, [first])
        with pytest.raises(OutOfTurn, match="tenants with Ring/Early: Second has not"):
            _deploy(release, environments[:1], editor, [first, second])
        with pytest.raises(OutOfTurn, match="without a tenant"):
            _deploy(release, environments[:1], editor)

    def test_get_the_values_of_the_channel(self, project, hotfix, environments, pools, editor):
        scope = Scope.of({Kind.CHANNEL: [hotfix.pk]})
        values = [
            Row(name="Ring", type=VariableType.STRING, value="slow"),
            Row(name="Ring", type=VariableType.STRING, value="fast", scope=scope),
        ]
        scenarios.route(project, dict(zip(environments, pools, strict=True)), others=values)
        usual = releases.create(project=project, version="1.0.0", user=editor)
        urgent = releases.create(project=project, version="1.0.1", channel=hotfix, user=editor)

        plans = [_deploy(one, environments[:1], editor)[0].plan for one in (usual, urgent)]

        assert [plan["labels"]["channel"] for plan in plans] == ["Default", "Hotfix"]
        found = [[one["value"] for one in plan["candidates"] if one["name"] == "Ring"] for plan in plans]
        assert found == [["slow"], ["slow", "fast"]]


class TestSteps:
    def test_run_only_in_their_channels(self, project, hotfix, environments, pools, editor):
        process = scenarios.process_of(project)
        fields = StepFields(
            name="Tell the night shift",
            worker_pool=pools[0],
            properties={SCRIPT_BODY: "echo", SCRIPT_SYNTAX: "Bash"},
            applies=Applies(channels=(str(hotfix.pk),)),
        )
        processes.add_step(process=process, version=process.version, fields=fields)
        usual = releases.create(project=project, version="1.0.0", user=editor)
        urgent = releases.create(project=project, version="1.0.1", channel=hotfix, user=editor)

        plans = [_deploy(one, environments[:1], editor)[0].plan for one in (usual, urgent)]

        skipped = [plan["steps"][1]["skipped"] for plan in plans]
        assert skipped == ["Runs only in the channel Hotfix", None]
        with pytest.raises(InUse) as refusal:
            channels.delete(hotfix, user=editor)
        assert "Tell the night shift of Orders database, deployment process" in [
            use.label for use in refusal.value.uses
        ]

    def test_are_narrowed_on_their_page_once_there_is_a_choice(self, project, editor, as_user):
        step = scenarios.process_of(project).steps.get()
        url = reverse("project_process", args=[project.slug]) + f"steps/{step.slug}/"

        before = as_user(editor).get(url).content.decode()
        channels.create(project=project, fields=ChannelFields("Hotfix"), user=None)
        after = as_user(editor).get(url).content.decode()

        assert 'name="channels"' not in before
        assert 'name="channels"' in after

    def test_that_are_copied_to_another_project_run_in_all_channels_there(self, space, project, hotfix):
        process, other = (
            scenarios.process_of(project),
            scenarios.process_of(scenarios.project(space, name="B")),
        )
        fields = StepFields(
            name="Tell",
            properties={SCRIPT_BODY: "echo", SCRIPT_SYNTAX: "Bash"},
            applies=Applies(channels=(str(hotfix.pk),)),
        )
        step = processes.add_step(process=process, version=process.version, fields=fields)

        copied = processes.copy_step(step=step, to=other)
        process.refresh_from_db()
        twin = processes.copy_step(step=step, to=process)

        assert fields_of(copied).applies == Applies()
        assert fields_of(twin).applies.channels == (str(hotfix.pk),)


class TestRules:
    def test_the_newest_version_that_is_let_in_is_taken(self, project, packaged, editor):
        rule = ChannelRule("(,2.0)", "^$", (RulePackage("Deploy web"),))
        stable = channels.create(project=project, fields=ChannelFields("Stable", rules=[rule]), user=None)

        release = releases.create(project=project, version="1.0.0", channel=stable, user=editor)

        assert [one["version"] for one in release.packages] == ["1.0.0"]

    def test_a_version_that_is_not_let_in_is_refused_unless_rules_are_ignored(
        self, project, packaged, editor
    ):
        key = (str(packaged.pk), "")
        rule = ChannelRule("[1.0,2.0)", "", (RulePackage("Deploy web"),))
        stable = channels.create(project=project, fields=ChannelFields("Stable", rules=[rule]), user=None)
        wanted = {"version": "1.0.0", "channel": stable, "packages": {key: "2.0.0"}, "user": editor}

        with pytest.raises(AgainstRules, match=r"Acme.Web 2.0.0 of Deploy web is not let in"):
            releases.create(project=project, **wanted)
        release = releases.create(project=project, ignore_rules=True, **wanted)

        assert release.ignores_rules
        assert [one["version"] for one in release.packages] == ["2.0.0"]

    def test_a_renamed_step_does_not_get_round_the_rule(self, project, packaged, editor):
        rule = ChannelRule("(,2.0)", "", (RulePackage("Deploy the web"),))
        stable = channels.create(project=project, fields=ChannelFields("Stable", rules=[rule]), user=None)

        with pytest.raises(AgainstRules, match="that no step has: Deploy the web"):
            releases.create(project=project, version="1.0.0", channel=stable, user=editor)

    def test_a_bad_rule_is_refused(self, project):
        fields = ChannelFields("Stable", rules=[ChannelRule("sometimes")])

        with pytest.raises(channels.BadRule, match="no range of versions"):
            channels.create(project=project, fields=fields, user=None)


class TestPages:
    def test_a_channel_is_made_changed_and_deleted(self, project, packaged, editor, as_user):
        client, slug = as_user(editor), project.slug
        data = {
            "name": "Stable",
            "rules": "2",
            "rule-0-version_range": "[1.0,2.0)",
            "rule-0-packages": '["deploy web", ""]',
        }

        made = client.post(reverse("channel_create", args=[slug]), data)
        page = client.get(reverse("channel_list", args=[slug])).content.decode()

        assert made.status_code == 302
        stable = Channel.objects.get(project=project, name="Stable")
        assert [one["version_range"] for one in stable.rules] == ["[1.0,2.0)"]
        assert "1 rule" in page
        edit = reverse("channel_edit", args=[slug, "stable"])
        assert "[1.0,2.0)" in client.get(edit).content.decode()
        assert client.post(edit, {"name": "Steady", "rules": "0"}).status_code == 302
        assert client.post(reverse("channel_delete", args=[slug, "stable"])).status_code == 302
        assert not Channel.objects.filter(name="Steady").exists()

    @pytest.mark.parametrize(
        ("rule", "words"),
        [
            ({"rule-0-version_range": "[1.0"}, "is no range"),
            ({"rule-0-tag": "(a+)+"}, "cannot repeat groups"),
            ({}, "Enter a range"),
        ],
    )
    def test_a_bad_rule_comes_back_with_its_reason(self, rule, words, project, packaged, editor, as_user):
        data = {"name": "Stable", "rules": "1", "rule-0-packages": '["deploy web", ""]', **rule}

        answer = as_user(editor).post(reverse("channel_create", args=[project.slug]), data)

        assert answer.status_code == 422
        assert words in answer.content.decode()

    def test_a_taken_name_comes_back(self, project, hotfix, editor, as_user):
        url = reverse("channel_create", args=[project.slug])

        answer = as_user(editor).post(url, {"name": "hotfix", "rules": "0"})

        assert answer.status_code == 422
        assert "has a channel of this name" in answer.content.decode()

    def test_the_delete_page_says_why_not(self, project, hotfix, editor, as_user):
        releases.create(project=project, version="3.0.0", channel=hotfix, user=editor)
        url = reverse("channel_delete", args=[project.slug, hotfix.slug])

        assert "3.0.0" in as_user(editor).get(url).content.decode()
        assert as_user(editor).post(url).status_code == 409
        assert Channel.objects.filter(pk=hotfix.pk).exists()

    def test_operators_look_only(self, project, hotfix, operator, as_user):
        client = as_user(operator)

        assert client.get(reverse("channel_list", args=[project.slug])).status_code == 200
        for name, args in (
            ("channel_create", []),
            ("channel_edit", ["hotfix"]),
            ("channel_delete", ["hotfix"]),
        ):
            assert client.post(reverse(name, args=[project.slug, *args])).status_code == 403

    def test_a_release_is_made_in_the_channel_that_is_chosen(self, project, hotfix, editor, as_user):
        url = reverse("release_create", args=[project.slug])

        assert "Hotfix" in as_user(editor).get(url).content.decode()
        as_user(editor).post(url, {"version": "1.0.0", "channel": hotfix.pk})

        assert Release.objects.get(version="1.0.0").channel == hotfix
        page = as_user(editor).get(reverse("release_detail", args=[project.slug, "1.0.0"]))
        assert "in channel <b>Hotfix</b>" in page.content.decode()

    def test_one_channel_is_no_choice(self, project, editor, as_user):
        page = as_user(editor).get(reverse("release_create", args=[project.slug])).content.decode()

        assert 'name="channel"' not in page

    def test_a_channel_of_another_project_is_refused(self, project, editor, as_user):
        other = ChannelFactory()
        url = reverse("release_create", args=[project.slug])

        answer = as_user(editor).post(url, {"version": "1.0.0", "channel": other.pk})

        assert answer.status_code == 422


def test_the_list_asks_the_database_as_often_for_many_channels(
    project, editor, as_user, django_assert_max_num_queries
):
    for number in range(12):
        ChannelFactory(project=project, name=f"Ring {number}")

    with django_assert_max_num_queries(30):
        as_user(editor).get(reverse("channel_list", args=[project.slug]))
