from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tasks"

    def ready(self) -> None:
        from common import usage  # noqa: PLC0415 - not before the models
        from domain.processes import EMAIL_ACTION, HTTP_ACTION  # noqa: PLC0415 - not before the models
        from pools.models import WorkerPool  # noqa: PLC0415 - not before the models
        from tasks import http_requests, mailing, performers, step_checks  # noqa: PLC0415 - not before the models
        from tasks.engine.drivers import base, for_command  # noqa: PLC0415 - not before the models
        from tasks.usage import of_machine, of_pool  # noqa: PLC0415 - not before the models
        from workers.models import Machine  # noqa: PLC0415 - not before the models
        from workers.services import machines  # noqa: PLC0415 - not before the models

        performers.register(EMAIL_ACTION, mailing.perform)
        performers.register(HTTP_ACTION, http_requests.perform)
        step_checks.register(EMAIL_ACTION, mailing.check)
        base.use(for_command())
        machines.on_more_room(base.place_soon)
        usage.register(WorkerPool, of_pool)
        usage.register(Machine, of_machine)
