"""Measurements of the whole product: a real server, real agents, real scripts, a real browser's socket.

`python -m benchmarks [name ...]` (or `make bench`) prints a table beside the budgets. Figures depend on
the machine; compare within one run. `docs/benchmarks.md` keeps the last ones with their machine.
"""
