"""Where archived logs and artifacts are kept: files below MEDIA_ROOT, or a bucket that speaks S3."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv


def object_storage(env: FileAwareEnv) -> dict[str, Any]:
    """The entry of Django's STORAGES. Raises ImproperlyConfigured if a bucket's client is missing."""
    bucket = env.str("OCTOWORKERS_S3_BUCKET", "")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "OCTOWORKERS_S3_BUCKET is set, and the client for it is not installed: "
            "run .venv/bin/python -m pip install -c constraints.txt 'django-storages[s3]'."
        )
    options = {
        "bucket_name": bucket,
        "location": env.str("OCTOWORKERS_S3_PREFIX", ""),
        "endpoint_url": env.str("OCTOWORKERS_S3_ENDPOINT", "") or None,
        "region_name": env.str("OCTOWORKERS_S3_REGION", "") or None,
        "access_key": env.str("OCTOWORKERS_S3_ACCESS_KEY", "") or None,
        "secret_key": env.str("OCTOWORKERS_S3_SECRET_KEY", "") or None,
        # Objects never change under their name, and one that is put again is the same.
        "file_overwrite": True,
        "default_acl": None,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
