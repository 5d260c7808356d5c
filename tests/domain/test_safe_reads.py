"""Scripts that read a value instead of having it pasted in."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.safe_reads import rewritten

READ = '$(get_octopusvariable "Size")'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("echo #{Size}", f'echo "{READ}"'),
        ('echo "a #{Size} b"', f'echo "a {READ} b"'),
        ("echo 'a #{Size} b'", f"echo 'a '\"{READ}\"' b'"),
        ('x="$(echo #{Size})"', f'x="$(echo "{READ}")"'),
        ('x="$(echo "#{Size}")"', f'x="$(echo "{READ}")"'),
        ("echo \\' #{Size}", f'echo \\\' "{READ}"'),
        ("# it's #{Size}\necho #{Size}", f'# it\'s Size\necho "{READ}"'),
        ("echo a#b '#{Size}'", f"echo a#b ''\"{READ}\"''"),
    ],
)
def test_bash(before, after):
    assert rewritten(before, "Bash", ["Size"]).script == after
    assert rewritten(before, "Bash", ["Size"]).left == ()


@pytest.mark.parametrize(
    "script",
    [
        "cat <<'END'\n#{Size}\nEND",
        "x=`echo #{Size}`",
        "x=$'#{Size}'",
        "x=$((#{Size} + 1))",
        'eval "echo #{Size}"',
        "echo #{Size | ToUpper}",
        "#{if Size}echo yes#{/if}",
        'echo "#{Other[#{Size}]}"',
    ],
)
def test_what_a_person_has_to_do_in_bash(script):
    found = rewritten(script, "Bash", ["Size"])
    assert (found.script, found.left) == (script, ("Size",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = #{Size}", 'x = get_octopusvariable("Size")'),
        ('x = "#{Size}"', 'x = "" + get_octopusvariable("Size") + ""'),
        ("print('a #{Size} b')", "print('a ' + get_octopusvariable(\"Size\") + ' b')"),
        ('x = """a\n#{Size}"""', 'x = """a\n""" + get_octopusvariable("Size") + """"""'),
        ("# for #{Size}\n", "# for Size\n"),
        ("x = 'it\\'s #{Size}'", "x = 'it\\'s ' + get_octopusvariable(\"Size\") + ''"),
    ],
)
def test_python(before, after):
    assert rewritten(before, "Python", ["Size"]).script == after


@pytest.mark.parametrize(
    "script",
    [
        'x = f"#{Size}"',
        'x = r"#{Size}"',
        'x = "a" "#{Size}"',
        'x = "#{Size}".upper()',
        'x = "#{Size} %s" % y',
        'x = "#{Size} #{Size}"',
    ],
)
def test_what_a_person_has_to_do_in_python(script):
    assert rewritten(script, "Python", ["Size"]).script == script


def test_other_names_and_languages_stay():
    assert rewritten("echo #{Other} ##{Size}", "Bash", ["Size"]).script == "echo #{Other} ##{Size}"
    assert rewritten("echo #{Size}", "PowerShell", ["Size"]).left == ("Size",)


words = st.lists(
    st.sampled_from(["a", " ", '"', "'", "\\", "#", "\n", "$(", ")", "(", "echo ", "#{Size}", ";"]),
    max_size=14,
).map("".join)


@given(words)
def test_a_bash_script_that_is_well_formed_stays_so(script):
    found = rewritten(script, "Bash", ["Size"])
    if "#{" in found.script or found.script == script:
        return
    before = _parses(script.replace("#{Size}", "word"))
    if before:
        assert _parses(found.script)


def _parses(script: str) -> bool:
    ran = subprocess.run(["bash", "-n"], input=script.encode(), capture_output=True, check=False)
    return ran.returncode == 0


@pytest.mark.parametrize("value", ["a b", "x'; exit 3; '", '$(exit 3)"`exit 3`'])
@pytest.mark.parametrize(
    ("syntax", "script"),
    [
        ("Bash", "printf %s #{Size}"),
        ("Bash", 'printf %s "#{Size}"'),
        ("Bash", "printf %s '#{Size}'"),
        ("Bash", 'printf %s "$(printf %s #{Size})"'),
        ("Python", 'print("#{Size}", end="")'),
        ("Python", 'x = #{Size}\nprint(x, end="")'),
    ],
)
def test_the_value_arrives_as_it_is(syntax, script, value, tmp_path):
    safe = rewritten(script, syntax, ["Size"]).script
    (tmp_path / "value").write_text(value)
    if syntax == "Bash":
        start = f"get_octopusvariable() {{ cat {tmp_path}/value; }}\n"
        command = ["bash", "-c", start + safe]
    else:
        start = f"def get_octopusvariable(name):\n    return open({str(tmp_path / 'value')!r}).read()\n"
        command = [sys.executable, "-c", start + safe]
    ran = subprocess.run(command, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout.decode()) == (0, value)
