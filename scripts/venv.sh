#!/bin/sh
# Creates .venv and installs the pinned dependencies: `venv.sh run` those of the product, `venv.sh dev`
# those of its tests as well. Called by make only when a stamp is missing or older than the pins.
set -eu

refuse() {
    echo "$1" >&2
    exit 1
}

new_enough() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    refuse "Octoworkers needs Python 3.11 or newer; here is $(python3 --version 2>/dev/null || echo 'no Python')."
}

usable() {
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! usable; then
    python=$(find_python) || exit 1
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        refuse "Python's venv module is missing. On Debian and Ubuntu: sudo apt install python3-venv"
    "$python" -m venv --clear .venv || refuse "No virtual environment could be created in .venv."
fi

case $1 in
    run) extras= ;;
    *) extras=dev ;;
esac
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
.venv/bin/python - $extras >"$wanted" <<'PYTHON'
import sys, tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
names = list(project["dependencies"])
for extra in sys.argv[1:]:
    names += project["optional-dependencies"][extra]
print("\n".join(names))
PYTHON
echo "Installing dependencies into .venv (only when they change, about a minute) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r "$wanted" ||
    refuse "The dependencies could not be installed: see the message of pip above."
[ "$1" = run ] || touch .venv/.dev
touch .venv/.run
