"""`python -m agent` and, inside octoworker.pyz, the program itself."""

import sys

from agent.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
