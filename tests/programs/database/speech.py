"""What a step program has said, taken apart as the agent does."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

_ATTRIBUTE = re.compile(r"(\w+)='([^']*)'")


@dataclass
class Heard:
    """`log` is what people read, without lines that are verbose."""

    log: str
    verbose: str
    failure: str
    outputs: dict[str, str] = field(default_factory=dict)
    sensitive: set[str] = field(default_factory=set)


def heard(text: str, failure: str) -> Heard:
    level, lines = "default", {"default": [], "verbose": []}
    found = Heard("", "", failure)
    for line in text.splitlines():
        if line.startswith("##octopus[stdout-"):
            level = line[len("##octopus[stdout-") : -1]
        elif line.startswith("##octopus[setVariable"):
            words = {key: base64.b64decode(value).decode() for key, value in _ATTRIBUTE.findall(line)}
            found.outputs[words["name"]] = words["value"]
            if words["sensitive"] == "True":
                found.sensitive.add(words["name"])
        else:
            lines["verbose" if level == "verbose" else "default"].append(line)
    found.log, found.verbose = "\n".join(lines["default"]), "\n".join(lines["verbose"])
    return found
