"""How the API describes itself: the settings of drf-spectacular. Read by the settings, so no Django here."""

from octoworkers.version import VERSION

DESCRIPTION = """
Wire-compatible with the REST API of Octopus Deploy for everything that both have, and in the same style
for what only Octoworkers has.

**Signing in.** Make an API key on your account page, or with `octoworkers create-api-key USERNAME`, and send
it in the header `X-Octopus-ApiKey`, or as `Authorization: Bearer API-…`.

**Spaces.** Each address below answers in three forms: `/api/Spaces-1/…`, `/api/spaces/{id or slug}/…`, and
`/api/…` for the default space. Words of an address may stand in any case.

**Requests** may spell the names of members in any case, and members that are not known are ignored. A PUT
changes what its body names. **Answers** are PascalCase. **Errors** are always
`{"ErrorMessage": "…", "Errors": ["…"]}`.
"""

SPECTACULAR = {
    "TITLE": "Octoworkers",
    "VERSION": VERSION,
    "DESCRIPTION": DESCRIPTION,
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "PREPROCESSING_HOOKS": ["octoworkers.api.schema.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "octoworkers.api.schema.finish",
    ],
    "SERVERS": [{"url": "/", "description": "This server"}],
}
