"""`seed_demo`: the project "Orders database", for a newcomer to run."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from accounts.models import Role, User
from octoworkers.demo.seed import PROJECT, seed
from octoworkers.services import spaces


class Command(BaseCommand):
    help = "Makes the demo project in the default space; does nothing where it is there already."

    def handle(self, *args: Any, **options: Any) -> None:
        administrator = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk").first()
        made = seed(space=spaces.install(), user=administrator, folder=settings.HOME / "demo")
        state = "is ready" if made else "is there already"
        self.stdout.write(f'The demo project "{PROJECT}" {state}.')
