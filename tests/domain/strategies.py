"""Hypothesis strategies for the domain's values."""

from hypothesis import strategies as st

from domain.labels import ScopeLabel
from domain.planning import (
    FixHint,
    FixKind,
    PlanLabels,
    PlannedStep,
    PoolCapacity,
    PoolReason,
    Problem,
    ProblemCode,
    ReasonKind,
    ReasonRow,
    RunPlan,
    Severity,
)
from domain.processes import ActionDef, ProcessDef, StepDef
from domain.prompts import Control, Prompt
from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, Origin, Source, SubValue, VariableType

ids = st.sampled_from(["1", "2", "3"])
id_sets = st.frozensets(ids, max_size=3)
text = st.text(max_size=12)
optional_text = st.none() | text

scopes = st.dictionaries(st.sampled_from(list(Kind)), id_sets, max_size=4).map(Scope.of)
contexts = st.builds(
    Context,
    environment=st.none() | ids,
    tenant=st.none() | ids,
    tenant_tags=id_sets,
    process=st.none() | ids,
    action=st.none() | ids,
    channel=st.none() | ids,
    machine=st.none() | ids,
    roles=id_sets,
    targeted_roles=id_sets,
)
candidates = st.builds(
    Candidate,
    id=text,
    name=st.sampled_from(["Pool", "Host", "pool"]),
    type=st.sampled_from(list(VariableType)),
    value=text,
    scope=scopes,
    source=st.sampled_from(list(Source)),
    label=text,
    library=text,
    prompt=st.none() | st.builds(Prompt, text, text, st.booleans(), st.sampled_from(list(Control)), text),
    is_answer=st.booleans(),
    origin=st.sampled_from(list(Origin)),
    parts=st.lists(st.builds(SubValue, text, text, st.booleans()), max_size=2).map(tuple),
)
properties = st.dictionaries(text, text, max_size=3)
actions = st.builds(
    ActionDef,
    id=text,
    name=text,
    slug=text,
    action_type=text,
    properties=properties,
    worker_pool_id=optional_text,
    worker_pool_name=text,
    worker_pool_variable=optional_text,
    is_disabled=st.booleans(),
    notes=text,
)
steps = st.builds(
    StepDef,
    id=text,
    name=text,
    number=st.integers(1, 99),
    actions=st.lists(actions, max_size=2).map(tuple),
    slug=text,
)
processes = st.builds(ProcessDef, steps=st.lists(steps, max_size=3).map(tuple))
capacities = st.builds(
    PoolCapacity,
    workers_total=st.integers(0, 9),
    workers_available=st.integers(0, 9),
    slots_total=st.integers(0, 99),
    slots_free=st.integers(0, 99),
    reason=text,
)
reasons = st.builds(
    PoolReason,
    kind=st.sampled_from(list(ReasonKind)),
    sentence=text,
    variable=optional_text,
    rows=st.lists(
        st.builds(
            ReasonRow,
            value=text,
            labels=st.lists(
                st.builds(ScopeLabel, kind=st.sampled_from(list(Kind)), id=text, text=text), max_size=2
            ).map(tuple),
            result=text,
            used=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
)
planned_steps = st.builds(
    PlannedStep,
    number=st.integers(1, 99),
    step_id=text,
    action_id=text,
    name=text,
    action_type=text,
    slug=text,
    properties=properties,
    needs=st.lists(text, max_size=2).map(tuple),
    skipped=optional_text,
    pool_id=optional_text,
    pool_name=text,
    why=st.none() | reasons,
    capacity=st.none() | capacities,
)
problems = st.builds(
    Problem,
    code=st.sampled_from(list(ProblemCode)),
    message=text,
    severity=st.sampled_from(list(Severity)),
    step=st.none() | st.integers(1, 99),
    fix=st.none() | st.builds(FixHint, kind=st.sampled_from(list(FixKind)), id=text),
)
plans = st.builds(
    RunPlan,
    context=contexts,
    labels=st.builds(PlanLabels, environment=text, tenant=text, process=text, channel=text),
    steps=st.lists(planned_steps, max_size=3).map(tuple),
    problems=st.lists(problems, max_size=3).map(tuple),
    candidates=st.lists(candidates, max_size=3).map(tuple),
)
