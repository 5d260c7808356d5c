from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse

from accounts.forms import SignInForm
from accounts.services import events


class SignIn(LoginView):
    """Whoever is signed in already goes on to where they wanted to be."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]
        response = super().form_valid(form)
        person = form.get_user()
        events.record(user=person, category="SignedIn", subject=person, message="Signed in.")
        return response

    def form_invalid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]
        is_locked = any(error.code == "locked" for error in form.non_field_errors().as_data())
        return self.render_to_response(self.get_context_data(form=form), status=429 if is_locked else 422)


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view()
