"""Everything breaks, at every step; nothing runs twice and nothing is lost. See docs/chaos.md."""

import pytest

# Their assertions are as worth reading as those of tests.
pytest.register_assert_rewrite("tests.chaos.checks", "tests.chaos.lanes", "tests.harness.proxy")
