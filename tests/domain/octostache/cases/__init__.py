"""The case table: by feature, what a template becomes with the variables in `variables`.

Most of what stands here can be seen in the public tests and the documentation of Octopus Deploy; the
inputs are our own. Further columns are not needed: a case that needs a variable of its own adds it to
`VARIABLES`, under a name that says what it is for.
"""

from tests.domain.octostache.cases.language import (
    CALCULATIONS,
    CONDITIONS,
    ECHOES,
    HASHES,
    JSON,
    LOOPS,
    NAMES,
    VALUES,
)
from tests.domain.octostache.cases.text_filters import COMPARISONS, ESCAPES, TEXT_FILTERS
from tests.domain.octostache.cases.value_filters import FORMATS, HASH_FILTERS, PARTS
from tests.domain.octostache.cases.variables import NOW, VARIABLES

__all__ = ["NOW", "TABLE", "VARIABLES"]

TABLE: dict[str, list[tuple[str, str]]] = {
    "names": NAMES,
    "echoes": ECHOES,
    "hashes": HASHES,
    "values": VALUES,
    "conditions": CONDITIONS,
    "loops": LOOPS,
    "calculations": CALCULATIONS,
    "json": JSON,
    "text filters": TEXT_FILTERS,
    "comparisons": COMPARISONS,
    "escapes": ESCAPES,
    "hash filters": HASH_FILTERS,
    "formats": FORMATS,
    "parts": PARTS,
}
