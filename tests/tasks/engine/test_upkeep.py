from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from packages.models import Package
from packages.services import feeds
from tasks.engine import jobs, upkeep
from tests.factories import push_package

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_sweep_applies_retention_once_an_hour(space, settings, tmp_path, monkeypatch) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    monkeypatch.setattr(upkeep._Clock, "done", None)
    feeds.keep_for(feeds.built_in(space), days=1, user=None)
    now = timezone.now()
    push_package("Acme.2.0.zip")
    old = now - timedelta(days=2)
    jobs.sweep(now=now)

    push_package("Acme.1.0.zip")
    Package.objects.update(published_at=old)
    jobs.sweep(now=now + timedelta(minutes=59))
    assert Package.objects.count() == 2

    jobs.sweep(now=now + timedelta(minutes=61))
    assert [str(one) for one in Package.objects.all()] == ["Acme 2.0"]
