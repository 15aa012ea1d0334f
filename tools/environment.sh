# Makes .venv with the pinned packages, or brings it up to date; sourced by tools/test and
# tools/quickstart. PYTHON names another interpreter: PYTHON=python3.12 tools/test

PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    echo "error: Python 3.11 to 3.13 is needed and $PYTHON is not; name one: PYTHON=python3.12 $0" >&2
    exit 2
fi
# The stamp holds the requirements that the environment was made from.
if ! cmp -s requirements.txt .venv/requirements.stamp; then
    echo "Installing the packages into .venv (1 to 2 minutes)"
    [ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
    # pip would compile on one core, for a third of its time. A file that cannot be is not needed.
    .venv/bin/python -m compileall -qq -j 0 .venv/lib || true
    cp requirements.txt .venv/requirements.stamp
fi
