"""What a run in a place will find beside the variables of the project, as far as that is known now."""

from __future__ import annotations

from django.conf import settings

from domain.plans import PlannedStep
from domain.scopes import DEPLOYMENT_PROCESS, Context, Kind
from domain.system_variables import Ref, RunFacts, system_variables
from environments.models import Environment
from processes.models import Action, Step
from projects import run_facts
from projects.variables_editor.session import Session
from tenants.models import Tenant


def system_values(
    session: Session, place: Context, *, environment: Environment | None, tenant: Tenant | None
) -> dict[str, str]:
    """The same names and values as a script gets; those that only a run has are left out."""
    project, space = session.owner.project, session.space
    facts = RunFacts(
        space=Ref(f"Spaces-{space.pk}", space.name),
        project=Ref(f"Projects-{project.pk}", project.name) if project else None,
        project_group=run_facts.group_of(project) if project else None,
        environment=Ref(f"Environments-{environment.pk}", environment.name) if environment else None,
        environment_order=environment.sort_order if environment else None,
        tenant=Ref(f"Tenants-{tenant.pk}", tenant.name) if tenant else None,
        tenant_tags=place.tenant_tags,
        runbook=_runbook(session, place),
        server_uri=settings.PUBLIC_URL,
    )
    values = system_variables(facts, _step(place))
    return {name: value for name, value in values.items() if value}


def _runbook(session: Session, place: Context) -> Ref | None:
    """Runbooks live in a higher app; here they are known by what the scopes say of them."""
    if place.process in (None, DEPLOYMENT_PROCESS):
        return None
    for option in session.options:
        if option.kind is Kind.PROCESS and option.id == place.process:
            return Ref(f"Runbooks-{option.id.partition(':')[2]}", option.label)
    return None


def _step(place: Context) -> PlannedStep | None:
    action = Action.objects.select_related("step").filter(pk=place.action).first() if place.action else None
    if action is None:
        return None
    before = Step.objects.filter(process=action.step.process_id, position__lte=action.step.position)
    return PlannedStep(
        number=before.count(),
        step_id=str(action.step_id),
        action_id=str(action.pk),
        name=action.name,
        action_type=action.action_type,
    )
