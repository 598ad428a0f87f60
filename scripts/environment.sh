# Sourced by the scripts beside it. `use_environment EXTRAS` makes .venv in the repository when it is not there, installs
# posable with these extras when pyproject.toml has changed since, and puts its programs first on the PATH.

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10 python3.14 python; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.10 or newer with the venv module found; install one (Debian: apt-get install python3-venv)," \
        "or name it: PYTHON=/path/to/python $0" >&2
    return 1
}

use_environment() {
    local extras="$1" python wanted stamp
    stamp=".venv/.installed${extras:+-$extras}"
    if [[ ! -x .venv/bin/python ]] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python="$(find_python)"
        echo "Making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    wanted="$(cksum <pyproject.toml) $PWD"
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
        echo "Installing posable${extras:+ with its extra '$extras'} into .venv (PyTorch is large: this takes minutes)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".${extras:+[$extras]}"
        echo "$wanted" >"$stamp"
    fi
    PATH="$PWD/.venv/bin:$PATH"
}
