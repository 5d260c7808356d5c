"""The variables of a project or of a library set: the table that is saved as a whole, and a page per value
without script."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.htmx import invalid, is_fragment, page, redirect, stale, toast
from domain.scopes import UnknownScopeKind
from domain.variables import VariableType
from projects.variables_editor import pasting, preview, problems, routing
from projects.variables_editor.owner import OwnerOf, project_owner
from projects.variables_editor.session import Session
from variables import bulk, merging, selectors
from variables.forms import FIELDS, ValueForm
from variables.grid import (
    Grid,
    GroupState,
    RowState,
    merged_groups,
    new_group,
    new_key,
    posted_groups,
    stored_groups,
)
from variables.models import Variable
from variables.services import variable_sets
from variables.services.rows import Row, RowsRefused, TiedValues, tags_of_tenants
from variables.services.variable_sets import StaleVariables

TEMPLATE = "variables/variables.html"
PARTIAL = "variables"


def _session(request: PageRequest, slug: str, owner_of: OwnerOf) -> Session:
    return Session(request, owner_of(request, slug))


def _address(session: Session) -> str:
    return reverse(session.owner.pages.all, args=[session.owner.slug])


@require_http_methods(["GET", "HEAD", "POST"])
def all_variables(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    session = _session(request, slug, owner_of)
    if request.method != "POST":
        return page(request, TEMPLATE, _page(session), partial=PARTIAL)
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    return _save(session)


def _page(session: Session, grid: Grid | None = None, **more: Any) -> dict[str, Any]:
    """`keeps_typed`: a secret that was typed stays in its field in the browser, as it is never sent back."""
    grid = grid or session.grid(stored_groups(session.stored.values()))
    data = [
        {"key": one.key, "kind": one.kind, "label": one.label, "group": one.group, "hue": one.hue}
        for one in session.options
    ]
    name = session.request.GET.get("name", "")
    return session.context(
        grid=grid,
        scope_json=json.dumps(data),
        panel=preview.panel(session),
        routing=routing.panel(session, grid),
        wanted=name,
        **more,
    )


def _save(session: Session) -> HttpResponse:
    request = session.request
    grid = session.grid(posted_groups(request.POST, session.stored))
    try:
        rows = grid.to_rows()
        variable_sets.save(
            variable_set=session.variable_set, version=session.version, rows=rows, user=request.user
        )
    except StaleVariables:
        return _conflict(session, rows)
    except RowsRefused as refused:
        problems.mark_refused(grid, refused)
        return _again(session, grid)
    except TiedValues as tied:
        return _again(session, grid, ties=problems.mark_ties(grid, tied, session))
    except UnknownScopeKind as unknown:
        raise Http404("A scope is of a kind that does not exist.") from unknown
    if not is_fragment(request):
        messages.success(request, "The variables were saved.")
        return redirect(request, _address(session))
    session.forget()
    response = page(request, TEMPLATE, _page(session), partial=PARTIAL)
    return toast(response, "The variables were saved.")


def _again(session: Session, grid: Grid, **more: Any) -> HttpResponse:
    found = _page(session, grid, is_unsaved=True, keeps_typed=True, **more)
    return invalid(session.request, TEMPLATE, found, partial=PARTIAL)


def _conflict(session: Session, rows: list[Row]) -> HttpResponse:
    version = session.version
    session.forget()
    base = problems.loaded(session.variable_set, version=version)
    merged = merging.merged(base=base, mine=rows, theirs=variable_sets.freeze(session.variable_set))
    grid = session.grid(merged_groups(merged.rows, session.stored, gone=merged.gone))
    found = _page(
        session,
        grid,
        is_unsaved=True,
        keeps_typed=True,
        conflict=problems.conflict(session, version=version, merged=merged),
    )
    return stale(session.request, TEMPLATE, found, partial=PARTIAL)


@require_POST
def variable_group(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    """One group of the table after an act in it; nothing is saved. `act` is "edit:<row>" and the like."""
    session = _session(request, slug, owner_of)
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    act, _, key = request.POST.get("act", "").partition(":")
    if act == "new":
        group = new_group(type=VariableType.STRING)
    else:
        found = posted_groups(request.POST, session.stored, only=request.POST.get("in", ""))
        if len(found) != 1:
            raise Http404("There is no such variable on this page.")
        group = found[0]
        _ACTS.get(act, _nothing)(group, key)
    if not group.rows:
        return HttpResponse("")
    session.grid([group])
    context = session.context(group=group, keeps_typed=True, picks=request.POST.getlist("pick"))
    return render(request, "variables/_group.html", context)


def _nothing(group: GroupState, key: str) -> None:
    """The type was changed: the group is shown anew with fields of that type."""


def _row(group: GroupState, key: str) -> RowState:
    found = next((row for row in group.rows if row.key == key), None)
    if found is None:
        raise Http404("There is no such value on this page.")
    return found


def _edit(group: GroupState, key: str) -> None:
    _row(group, key).is_open = True


def _done(group: GroupState, key: str) -> None:
    _row(group, key).is_open = False
    group.is_open = group.is_open and not group.name


def _add(group: GroupState, key: str) -> None:
    group.rows.append(RowState(new_key(), is_open=True))


def _remove(group: GroupState, key: str) -> None:
    row = _row(group, key)
    row.is_gone, row.is_open = True, False
    if row.stored is None:
        group.rows.remove(row)


def _undo(group: GroupState, key: str) -> None:
    _row(group, key).is_gone = False


def _revert(group: GroupState, key: str) -> None:
    bulk.undo(_row(group, key))


def _rename(group: GroupState, key: str) -> None:
    group.is_open = True


_ACTS: dict[str, Callable[[GroupState, str], None]] = {
    "edit": _edit,
    "done": _done,
    "add": _add,
    "remove": _remove,
    "undo": _undo,
    "revert": _revert,
    "rename": _rename,
}


@require_POST
def variable_bulk(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    """The table after one change of scope for the values that are picked, or as it was with the reason why
    not. Nothing is saved."""
    session = _session(request, slug, owner_of)
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    keys, scope = request.POST.getlist("pick"), request.POST.getlist("bulk-scope")
    mode = request.POST.get("bulk", "")
    groups = posted_groups(request.POST, session.stored)
    rows = bulk.picked(groups, keys)
    try:
        refused = _bulk(session, groups, rows, mode, scope)
    except UnknownScopeKind as unknown:
        raise Http404("A scope is of a kind that does not exist.") from unknown
    if refused:
        groups = posted_groups(request.POST, session.stored)
    found = _page(
        session,
        session.grid(groups),
        is_unsaved=True,
        keeps_typed=True,
        picks=keys,
        bulk_refused=refused,
    )
    return (invalid if refused else page)(request, TEMPLATE, found, partial=PARTIAL)


MOST_REFUSALS = 10


def _bulk(
    session: Session,
    groups: list[GroupState],
    rows: list[tuple[GroupState, RowState]],
    mode: str,
    scope: list[str],
) -> list[str]:
    if mode not in set(bulk.Mode):
        raise Http404("There is no such change.")
    if not rows:
        return ["Select values first."]
    if mode in (bulk.Mode.ADD, bulk.Mode.REMOVE) and not scope:
        return ["Choose what to add or to remove."]
    bulk.apply(rows, bulk.Mode(mode), scope)
    found = bulk.objections(
        groups,
        rows,
        tags_of_tenants=tags_of_tenants(session.variable_set),
        names=selectors.scope_names(session.options),
    )
    return list(dict.fromkeys(islice(found, MOST_REFUSALS)))


@require_http_methods(["GET", "HEAD", "POST"])
def variable_paste(request: PageRequest, slug: str) -> HttpResponse:
    """Many values from one text: what they would change, then the table with them. Nothing is saved."""
    session = _session(request, slug, project_owner)
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    form = pasting.PasteForm(request.POST or None)
    if request.method != "POST":
        return render(request, "variables/paste.html", session.context(form=form))
    if not form.is_valid():
        return invalid(request, "variables/paste.html", session.context(form=form))
    groups = stored_groups(session.stored.values())
    changes = pasting.add(groups, form.pasted)
    if request.POST.get("act") != "add":
        return render(request, "variables/paste.html", session.context(form=form, changes=changes))
    return render(request, TEMPLATE, _page(session, session.grid(groups), is_unsaved=True))


@require_http_methods(["GET", "HEAD", "POST"])
def variable_preview(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    """With the saved values, or by POST with those of the table; nothing is saved by it."""
    session = _session(request, slug, owner_of)
    grid = None
    if request.method == "POST":
        grid = session.grid(posted_groups(request.POST, session.stored))
    try:
        found = preview.panel(session, grid)
    except UnknownScopeKind as unknown:
        raise Http404("A scope is of a kind that does not exist.") from unknown
    return render(request, "variables/_preview.html", session.context(panel=found))


@require_POST
def variable_routing(request: PageRequest, slug: str) -> HttpResponse:
    """The routing matrix with what the table holds; nothing is saved, so that whoever may look may ask."""
    session = _session(request, slug, project_owner)
    grid = session.grid(posted_groups(request.POST, session.stored))
    try:
        found = routing.panel(session, grid)
    except UnknownScopeKind as unknown:
        raise Http404("A scope is of a kind that does not exist.") from unknown
    return render(request, "variables/_routing.html", session.context(routing=found))


@require_http_methods(["GET", "HEAD", "POST"])
def variable_create(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    return _value_page(_session(request, slug, owner_of), pk=None)


@require_http_methods(["GET", "HEAD", "POST"])
def variable_edit(request: PageRequest, slug: str, pk: int, owner_of: OwnerOf) -> HttpResponse:
    return _value_page(_session(request, slug, owner_of), pk=pk)


def _value_page(session: Session, *, pk: int | None) -> HttpResponse:
    request = session.request
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    variable = _stored(session, pk) if pk is not None else None
    form = ValueForm(
        request.POST if request.method == "POST" else None,
        initial={"type": request.GET.get("type", ""), "name": request.GET.get("name", "")},
        choices=session.choices,
        options=session.options,
        variable=variable,
    )
    if request.method == "POST" and form.is_valid() and _save_one(session, form):
        messages.success(request, f"{form.cleaned_data['name']} was saved.")
        return redirect(request, _address(session))
    found = session.context(form=form, variable=variable)
    if request.method == "POST":
        return invalid(request, "variables/value.html", found)
    return render(request, "variables/value.html", found)


def _stored(session: Session, pk: int) -> Variable:
    if pk not in session.stored:
        raise Http404("There is no such value.")
    return session.stored[pk]


def _save_one(session: Session, form: ValueForm) -> bool:
    """The set as it was with this one row; whether it could be saved. Problems go into the form."""
    mine = form.row()
    rows = _rows(session)
    index = next((at for at, row in enumerate(rows) if mine.id and row.id == mine.id), len(rows))
    rows[index : index + 1] = [mine]
    return _try(session, rows, form)


def _rows(session: Session) -> list[Row]:
    return [merging.row_of(one) for one in variable_sets.freeze(session.variable_set)["variables"]]


_FIELDS = {"name": "name", "scope": "scope", "prompt": "is_asked"}


def _try(session: Session, rows: list[Row], form: ValueForm) -> bool:
    try:
        variable_sets.save(
            variable_set=session.variable_set, version=session.version, rows=rows, user=session.request.user
        )
    except StaleVariables as changed:
        by = changed.current.updated_by or "Somebody else"
        form.add_error(None, f"{by} saved these variables while you were editing. Save again to keep yours.")
    except RowsRefused as refused:
        for problem in refused.problems:
            form.add_error(_FIELDS.get(problem.field, _value_field(form)), problem.message)
    except TiedValues as tied:
        for pair in problems.tied_pairs(rows, tied, session):
            form.add_error("scope", f"{pair.first} and {pair.second} are equally specific. {pair.meeting}")
    else:
        return True
    return False


def _value_field(form: ValueForm) -> str:
    return FIELDS[VariableType(form.cleaned_data["type"])]


@require_POST
def variable_delete(request: PageRequest, slug: str, pk: int, owner_of: OwnerOf) -> HttpResponse:
    session = _session(request, slug, owner_of)
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    variable = _stored(session, pk)
    rows = [row for row in _rows(session) if row.id != pk]
    try:
        variable_sets.save(
            variable_set=session.variable_set, version=session.version, rows=rows, user=request.user
        )
        messages.success(request, f"A value of {variable.name} was deleted.")
    except StaleVariables:
        messages.error(request, "Nothing was deleted: somebody else saved these variables. Look again.")
    return redirect(request, _address(session))
