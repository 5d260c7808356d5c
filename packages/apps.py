from __future__ import annotations

from django.apps import AppConfig

from common import usage


class PackagesConfig(AppConfig):
    name = "packages"

    def ready(self) -> None:
        from packages.usage import of_package  # noqa: PLC0415  # models are loaded by now

        usage.register(self.get_model("Package"), of_package)
