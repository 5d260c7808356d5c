"""Which versions a process gets, and what it holds."""

from __future__ import annotations

import pytest

from domain.package_references import PackageReference, written
from domain.plan_packages import ChosenPackage
from domain.processes import ActionDef, ProcessDef, StepDef
from packages.models import OwnerKind, PackageUse
from packages.services import choosing
from packages.services.choosing import NoSuchPackage
from tests.factories import SpaceFactory, push_package

pytestmark = pytest.mark.django_db


def process(*references: PackageReference) -> ProcessDef:
    action = ActionDef("a1", "Migrate", properties=written(references))
    return ProcessDef((StepDef("s1", "Migrate", 1, (action,)),))


WEB = process(PackageReference("", "acme.web"))


def test_the_newest_is_chosen_unless_somebody_wants_an_older_one(space) -> None:
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        push_package(f"Acme.Web.{version}.zip")

    assert choosing.choose(space, WEB) == [ChosenPackage("a1", "", "acme.web", "1.10.0", "Migrate")]
    [chosen] = choosing.choose(space, WEB, {("a1", ""): "1.2.0"})
    assert chosen.version == "1.2.0"


def test_what_is_not_there_is_refused_by_name(space) -> None:
    push_package("Acme.Web.1.0.0.zip", space=SpaceFactory())

    with pytest.raises(NoSuchPackage, match=r"Migrate needs the package acme\.web, which nobody has pushed"):
        choosing.choose(space, WEB)
    push_package("Acme.Web.1.0.0.zip")
    with pytest.raises(NoSuchPackage, match=r"no acme\.web 7\.0\.0") as refused:
        choosing.choose(space, WEB, {("a1", ""): "7.0.0"})
    assert refused.value.key == ("a1", "")


def test_a_process_without_packages_costs_no_query(space, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        choosing.choices(space, process(), None)


def test_plans_of_drafts_and_of_releases(space) -> None:
    push_package("Acme.Web.1.0.0.zip")
    chosen = choosing.choose(space, WEB)
    push_package("Acme.Web.2.0.0.zip")

    assert choosing.choices(space, WEB, None).newest == {"acme.web": "2.0.0"}
    of_release = choosing.choices(space, WEB, chosen)
    assert of_release.chosen == {("a1", ""): "1.0.0"}
    assert of_release.present == {("acme.web", "1.0.0")}


def test_what_was_chosen_is_held(space) -> None:
    package = push_package("Acme.Web.1.0.0.zip")
    choosing.hold(space, choosing.choose(space, WEB), kind=OwnerKind.RELEASE, owner_id=5)

    assert PackageUse.objects.get().package == package
