"""How a step program begins and ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, NoReturn

from programs.kit import say
from programs.kit.given import Failed, Given

#: What a step that failed for a reason that it knows ends with; anything else ends with a traceback.
FAILED = 1


def start(main: Callable[[Given], None]) -> NoReturn:
    """Run a step program in this process, with what the file named on the command line holds."""
    try:
        main(Given.read(Path(sys.argv[1])))
    except Failed as failure:
        say.error(str(failure))
        sys.exit(FAILED)
    sys.exit(0)
