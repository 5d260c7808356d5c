from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    name = "processes"

    def ready(self) -> None:
        from common import usage  # noqa: PLC0415 - models are loaded only now
        from pools.models import WorkerPool  # noqa: PLC0415
        from processes.usage import of_pool  # noqa: PLC0415

        usage.register(WorkerPool, of_pool)
