"""The plans that a person looked at before the start: described, signed into the form, and compared."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from django.core import signing
from django.utils.crypto import salted_hmac

from domain.codec import Malformed
from domain.plan_differences import Difference, Shown, differences

_SALT = "octoworkers.shown-plans"
#: Bytes of a fingerprint: enough to tell changes apart, few enough to fit hundreds into a form.
_LENGTH = 9

UNREADABLE = Difference("The plan that you looked at cannot be compared: it comes from before an update.")


class PlanChanged(Exception):
    """What would run now is not what was shown, so nothing was started."""

    def __init__(self, found: Sequence[Difference]) -> None:
        super().__init__(" ".join(one.sentence for one in found))
        self.differences = list(found)


def fingerprint(text: str) -> str:
    """Keyed, so that a secret cannot be guessed from it."""
    digest = salted_hmac(_SALT, text, algorithm="sha256").digest()
    return urlsafe_b64encode(digest[:_LENGTH]).decode()


def dump(shown: Shown) -> str:
    """As text for a form, which nobody can change without being noticed."""
    return signing.dumps(shown.to_json(), salt=_SALT, compress=True)


def load(text: str) -> Shown:
    """Raises PlanChanged for what this server has not signed, or cannot read any more."""
    try:
        return Shown.from_json(signing.loads(text, salt=_SALT))
    except (signing.BadSignature, Malformed) as error:
        raise PlanChanged([UNREADABLE]) from error


def check(shown: Shown, now: Shown) -> None:
    """Raises PlanChanged where they differ."""
    if found := differences(shown, now):
        raise PlanChanged(found)
