from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    name = "processes"

    def ready(self) -> None:
        from common import usage  # noqa: PLC0415 - models are loaded only now
        from processes.services import tag_names  # noqa: PLC0415
        from processes.usage import PROVIDERS  # noqa: PLC0415
        from tenants.services import tag_sets  # noqa: PLC0415

        for model, provider in PROVIDERS:
            usage.register(model, provider)
        tag_sets.on_rename(tag_names.rename)
