"""The rules of the field as pure functions over frozen dataclasses.

Nothing here knows Django, a clock or a setting: values come in, values go out.
"""
