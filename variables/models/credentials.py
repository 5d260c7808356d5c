"""Accounts and certificates: what variables of several values at once hold."""

from __future__ import annotations

from django.db import models

from domain.accounts import ACCOUNT_KINDS, AccountKind
from spaces.models import NamedInSpace


class Account(NamedInSpace):
    """A login of some system. `fields` hold the values of its kind by name; secret ones are sealed (see
    `variables.services.sealing`) and never leave the server unsealed but to the worker."""

    kind = models.CharField(
        max_length=40, choices=[(kind.wire, kind.label) for kind in ACCOUNT_KINDS.values()]
    )
    fields = models.JSONField(default=dict)
    updated_by = models.CharField(max_length=150, blank=True)

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]

    @property
    def spec(self) -> AccountKind:
        return ACCOUNT_KINDS[self.kind]


class Certificate(NamedInSpace):
    """An X.509 certificate with its chain, and the private key if there is one. The texts are PEM; the
    private key is sealed."""

    pem = models.TextField()
    chain_pem = models.TextField(blank=True)
    private_key = models.TextField(blank=True)
    subject = models.CharField(max_length=1000)
    common_name = models.CharField(max_length=300, blank=True)
    issuer = models.CharField(max_length=1000)
    serial_number = models.CharField(max_length=60)
    thumbprint = models.CharField(max_length=40, help_text="SHA-1 in hex, as Windows and Octopus show it.")
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    updated_by = models.CharField(max_length=150, blank=True)

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]

    @property
    def has_private_key(self) -> bool:
        return bool(self.private_key)
