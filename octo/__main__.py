"""`python -m octo`, for where the console command is not installed."""

from __future__ import annotations

from octo.app import main

if __name__ == "__main__":
    main()
