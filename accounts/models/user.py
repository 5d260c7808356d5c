from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """The four built-in roles; `accounts.permissions` says what each may do."""

    ADMINISTRATOR = "administrator", "Administrator"
    EDITOR = "editor", "Editor"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


class User(AbstractUser):
    display_name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)
    single_key_shortcuts = models.BooleanField(
        default=True, help_text="Keys such as / and g d act without Ctrl."
    )

    class Meta(AbstractUser.Meta):
        ordering = ["username"]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def initials(self) -> str:
        words = str(self).split()
        letters = words[0][0] + words[-1][0] if len(words) > 1 else str(self)[:2]
        return letters.upper()
