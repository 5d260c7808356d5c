"""Configuration as files: environments, pools, lifecycles, groups and projects, as YAML in a folder.

The words are those of the REST API, and its OpenAPI description says what may be written: nothing of it is
repeated here. Where the API has ids, files have names.
"""
