"""The views of the editor. Every change posts the version that the page was loaded with."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render

from accounts.permissions import Permission, require
from common.htmx import is_fragment, redirect, toast
from common.usage import InUse
from domain.labels import listed
from processes import outline
from processes.action_types import ActionForm, ActionType
from processes.models import Step
from processes.outline import BadOutline
from processes.saving import SaveRefused
from processes.services import processes
from processes.services.processes import StaleProcess, StepNameTaken, UnknownSteps
from processes.services.steps import StepFields, fields_of
from projects.process_editor import changes, conflicts, copying, history, pages, text
from projects.process_editor.conflicts import Retry
from projects.process_editor.owner import ProcessOwner
from projects.process_editor.routes import Route
from projects.process_editor.session import Session, type_of


def edit(
    request: HttpRequest,
    *,
    owner: ProcessOwner,
    route: str = Route.SHOW,
    step: str = "",
    action_type: str = "",
) -> HttpResponse:
    """Answer one request to the editor of a process; `routes` passes everything after `owner`.

    The caller has found the owner among what the user may see, in the space of the request.
    """
    require(request.user, Permission.VIEW, owner.project)
    session = Session(request, owner)
    if request.method in ("GET", "HEAD"):
        return _show(session, route=Route(route), slug=step, type_slug=action_type)
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST"])
    try:
        return _post(session, route=Route(route), step=step, action_type=action_type)
    except SaveRefused as refusal:
        # Of an act on the whole of a step: what a form or a text says is refused beside it.
        messages.error(request, str(refusal))
        return redirect(request, owner.url)


def _post(session: Session, *, route: Route, step: str, action_type: str) -> HttpResponse:
    if route == Route.PREVIEW:
        return _preview(session)
    require(session.user, Permission.EDIT_PROJECT, session.owner.project)
    if route == Route.NEW:
        return _create(session, _type(session, action_type))
    if route == Route.STEP:
        return _save(session, step)
    if whole := _WHOLE.get(route):
        return whole(session)
    act = _ACTS.get(route)
    return act(session, session.step(step)) if act else HttpResponseNotAllowed(["GET"])


def _show(session: Session, *, route: Route, slug: str, type_slug: str) -> HttpResponse:
    if route is Route.NEW:
        require(session.user, Permission.EDIT_PROJECT, session.owner.project)
        return _blank(session, _type(session, type_slug))
    if route in _STEP_PAGES:
        return _STEP_PAGES[route](session, session.step(slug))
    if route in _PAGES:
        return _PAGES[route](session)
    if route is not Route.SHOW:
        return HttpResponseNotAllowed(["POST"])
    first = session.process.steps.first()
    return _step(session, first) if first else pages.empty_page(session)


_PAGES: dict[Route, Callable[[Session], HttpResponse]] = {
    Route.TEXT: text.show,
    Route.CHANGES: changes.show,
    Route.HISTORY: history.show,
}


def _copy_page(session: Session, step: Step) -> HttpResponse:
    require(session.user, Permission.EDIT_PROJECT, session.owner.project)
    return copying.show(session, step)


def _type(session: Session, slug: str) -> ActionType:
    found = session.kind(slug)
    if found is None:
        raise Http404("There is no such type of step.")
    return found


def _step(session: Session, step: Step) -> HttpResponse:
    prefetch_related_objects([step], "actions")
    form = session.form(type_of(session, step), fields_of(step), parent=step.parent)
    return pages.step_page(session, form, step=step)


def _pick_child(session: Session, step: Step) -> HttpResponse:
    require(session.user, Permission.EDIT_PROJECT, session.owner.project)
    return pages.picker_page(session, step)


def _blank(session: Session, kind: ActionType) -> HttpResponse:
    variable = session.pool_variables[0] if session.pool_variables else ""
    fields = StepFields(name="", action_type=kind.key, worker_pool_variable=variable)
    return pages.step_page(session, session.form(kind, fields, parent=session.into), step=None)


def _create(session: Session, kind: ActionType) -> HttpResponse:
    into = session.into
    form = session.form(kind, StepFields(name=""), data=session.request.POST, parent=into)
    if session.request.POST.get("act") == SAFE:
        return _safe(session, form, step=None)
    if not form.is_valid():
        return pages.invalid_page(session, form, step=None)
    fields = form.step_fields()
    try:
        step = processes.add_step(
            process=session.process, version=session.version, fields=fields, user=session.user, into=into
        )
    except StepNameTaken:
        return _name_taken(session, form, step=None)
    except SaveRefused as refusal:
        return _refused(session, form, refusal, step=None)
    except StaleProcess as stale:
        # A new step is in nobody's way: it is shown what changed, and saving again adds it.
        return pages.conflict_page(
            session,
            session.form(kind, fields, parent=into),
            step=None,
            conflict=conflicts.of_act(stale, retry=None, can_keep=True),
        )
    messages.success(session.request, f"{step.name} was added.")
    return redirect(session.request, session.step_url(step))


def _save(session: Session, slug: str) -> HttpResponse:
    step = session.process.steps.filter(slug=slug).first()
    if step is None:
        return _save_gone(session)
    form = session.form(
        type_of(session, step), fields_of(step), data=session.request.POST, parent=step.parent
    )
    if session.request.POST.get("act") == SAFE:
        return _safe(session, form, step=step)
    if not form.is_valid():
        return pages.invalid_page(session, form, step=step)
    try:
        processes.edit_step(step=step, version=session.version, fields=form.step_fields(), user=session.user)
    except StepNameTaken:
        return _name_taken(session, form, step=step)
    except SaveRefused as refusal:
        return _refused(session, form, refusal, step=step)
    except StaleProcess as stale:
        return _conflict(session, stale, step=step, mine=form.step_fields())
    return _saved(session, step)


SAFE = "safe"


def _safe(session: Session, form: ActionForm, *, step: Step | None) -> HttpResponse:
    """The form with such values read by the script instead of pasted into it. Nothing is saved."""
    data = session.request.POST.copy()
    data["script"] = pages.pasted_of(session, form).rewrite.script
    parent = step.parent if step else session.into
    again = session.form(form.action_type, StepFields(name=""), data=data, parent=parent)
    return pages.unsaved_page(session, again, step=step)


def _name_taken(session: Session, form: ActionForm, *, step: Step | None) -> HttpResponse:
    form.add_error("name", "This process has a step of this name. Choose another one.")
    return pages.invalid_page(session, form, step=step)


def _refused(session: Session, form: ActionForm, refusal: SaveRefused, *, step: Step | None) -> HttpResponse:
    form.add_error(None, str(refusal))
    # What was refused is not there: the version is the one before it.
    session.process.refresh_from_db()
    return pages.invalid_page(session, form, step=step)


def _conflict(session: Session, stale: StaleProcess, *, step: Step, mine: StepFields) -> HttpResponse:
    session.process.refresh_from_db()
    step.refresh_from_db()
    merged = conflicts.merge(stale, step=step, mine=mine, theirs=fields_of(step))
    form = session.form(type_of(session, step), merged, parent=step.parent)
    return pages.conflict_page(
        session, form, step=step, conflict=conflicts.of_save(stale, step=step, merged=merged)
    )


def _save_gone(session: Session) -> HttpResponse:
    """The step was deleted while it was edited: what was entered becomes a new step, if it is kept."""
    kind = session.kind(session.request.POST.get("action_type", ""))
    if kind is None:
        raise Http404("This process has no such step.")
    form = session.form(kind, StepFields(name=""), data=session.request.POST)
    stale = StaleProcess(session.process, version=session.version)
    return pages.conflict_page(session, form, step=None, conflict=conflicts.of_gone_step(stale))


def _saved(session: Session, step: Step) -> HttpResponse:
    """Only what changed around the form is sent back, so that cursor and scroll position stay."""
    session.process.refresh_from_db()
    if not is_fragment(session.request) or "reload" in session.request.POST:
        messages.success(session.request, "The process was saved.")
        return redirect(session.request, session.step_url(step))
    response = _list(session, current=step, template="processes/_saved.html")
    response["HX-Reswap"] = "none"
    return toast(response, "The process was saved.")


def _list(session: Session, *, current: Step | None, template: str) -> HttpResponse:
    found = pages.list_context(session, steps=session.steps(), current=current)
    items = found["items"]
    item = pages.item_of(items, current)
    found["warnings"] = item.warnings if item else ()
    return render(session.request, template, found)


def _reorder(session: Session) -> HttpResponse:
    post = session.request.POST
    ids = [_pk(one) for one in post.getlist("step") if _pk(one)]
    # Beside each step stands the one that it is a child of, or nothing.
    above = [_pk(one) for one in post.getlist("parent")]
    parents = {id: parent for id, parent in zip(ids, above, strict=False) if parent}
    if not above:
        parents = dict(session.process.steps.exclude(parent=None).values_list("pk", "parent_id"))
    try:
        ids, parents = _moved(ids, parents, post.get("move", ""))
        processes.reorder(
            process=session.process,
            version=session.version,
            step_ids=ids,
            parents=parents,
            user=session.user,
        )
    except (StaleProcess, UnknownSteps, BadOutline) as problem:
        return _order_conflict(session, problem, ids, parents)
    session.process.refresh_from_db()
    current = session.process.steps.filter(slug=post.get("current", "")).first()
    if is_fragment(session.request):
        return _list(session, current=current, template="processes/_reordered.html")
    return redirect(session.request, session.step_url(current) if current else session.owner.url)


def _pk(text: str) -> int:
    """0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _moved(ids: list[int], parents: dict[int, int], move: str) -> tuple[list[int], dict[int, int]]:
    """`move` is "up:<id>", "down:<id>", "in:<id>" or "out:<id>" of a button, or nothing when the order itself
    says it. Raises BadOutline."""
    way, _, name = move.partition(":")
    found = outline.branches(ids, parents)
    if way in tuple(outline.Way) and _pk(name) in ids:
        found = outline.moved(found, _pk(name), outline.Way(way))
    return outline.flat(found)


def _order_conflict(
    session: Session, problem: Exception, ids: list[int], parents: dict[int, int]
) -> HttpResponse:
    process = session.process
    stale = problem if isinstance(problem, StaleProcess) else StaleProcess(process, version=session.version)
    is_whole = sorted(ids) == sorted(process.steps.values_list("pk", flat=True))
    above = [str(parents.get(pk, "")) for pk in ids]
    values = {"step": [str(pk) for pk in ids], "parent": above, "version": [str(process.version)]}
    retry = Retry(f"{session.owner.url}order/", "Keep my order", values) if is_whole else None
    return _act_conflict(session, stale, retry=retry)


def _act_conflict(session: Session, stale: StaleProcess, *, retry: Retry | None) -> HttpResponse:
    conflict = conflicts.of_act(stale, retry=retry, can_keep=retry is not None)
    if not is_fragment(session.request):
        return pages.conflict_page(session, None, step=None, conflict=conflict)
    # The form beside the list may hold unsaved changes, so only the notice above it is replaced.
    found = {"conflict": conflict, "owner": session.owner}
    response = render(session.request, "processes/_conflict.html", found, status=409)
    response["HX-Retarget"], response["HX-Reswap"] = "#process-conflict", "innerHTML"
    return response


def _clone(session: Session, step: Step) -> HttpResponse:
    return _act(session, step, Route.CLONE, lambda version: _do_clone(session, step, version))


def _do_clone(session: Session, step: Step, version: int) -> str:
    copy = processes.clone_step(step=step, version=version, user=session.user)
    messages.success(session.request, f"{step.name} was copied.")
    return session.step_url(copy)


def _delete(session: Session, step: Step) -> HttpResponse:
    return _act(session, step, Route.DELETE, lambda version: _do_delete(session, step, version))


def _do_delete(session: Session, step: Step, version: int) -> str:
    try:
        processes.delete_step(step=step, version=version, user=session.user)
    except InUse as problem:
        uses = listed([use.label for use in problem.uses])
        messages.error(session.request, f"{step.name} was not deleted: values are scoped to it ({uses}).")
        return session.step_url(step)
    # The page that comes next offers the way back.
    return f"{session.owner.url}?deleted={version}"


def _restore(session: Session) -> HttpResponse:
    try:
        return history.restore(session)
    except StaleProcess as stale:
        session.process.refresh_from_db()
        return _act_conflict(session, stale, retry=None)


def _set_disabled(session: Session, step: Step, *, is_disabled: bool) -> HttpResponse:
    def do(version: int) -> str:
        processes.set_disabled(step=step, version=version, is_disabled=is_disabled, user=session.user)
        return session.step_url(step)

    return _act(session, step, Route.DISABLE if is_disabled else Route.ENABLE, do)


_VERBS = {
    Route.CLONE: "Copy it",
    Route.DELETE: "Delete it",
    Route.ENABLE: "Enable it",
    Route.DISABLE: "Disable it",
}


def _act(session: Session, step: Step, route: Route, do: Callable[[int], str]) -> HttpResponse:
    """A small act on one step, which answers with the page to go to."""
    url = f"{session.step_url(step)}{route}/"
    try:
        return redirect(session.request, do(session.version))
    except StaleProcess as stale:
        session.process.refresh_from_db()
        retry = Retry(url, f"{_VERBS[route]} all the same", {"version": [str(session.process.version)]})
        return _act_conflict(session, stale, retry=retry)


def _enable(session: Session, step: Step) -> HttpResponse:
    return _set_disabled(session, step, is_disabled=False)


def _disable(session: Session, step: Step) -> HttpResponse:
    return _set_disabled(session, step, is_disabled=True)


_STEP_PAGES: dict[Route, Callable[[Session, Step], HttpResponse]] = {
    Route.STEP: _step,
    Route.COPY_TO: _copy_page,
    Route.CHILD: _pick_child,
}
_WHOLE: dict[Route, Callable[[Session], HttpResponse]] = {
    Route.ORDER: _reorder,
    Route.TEXT: text.submit,
    Route.RESTORE: _restore,
}
_ACTS: dict[Route, Callable[[Session, Step], HttpResponse]] = {
    Route.CLONE: _clone,
    Route.COPY_TO: copying.copy,
    Route.DELETE: _delete,
    Route.ENABLE: _enable,
    Route.DISABLE: _disable,
}


def _preview(session: Session) -> HttpResponse:
    """Where the step would run with what the form says now; nothing is saved or has to be valid."""
    kind = _type(session, session.request.POST.get("action_type", ""))
    step = session.process.steps.filter(slug=session.request.POST.get("current", "")).first()
    form = kind.form(
        session.request.POST,
        action_type=kind,
        pools=session.pools,
        pool_variables=session.pool_variables,
        places=session.places,
    )
    found = {"preview": pages.preview_of(session, form, step=step), "owner": session.owner}
    return render(session.request, "processes/_preview.html", found)
