#!/bin/sh
# Makes .venv with the pinned packages and TREX itself, or does nothing if that is there already.
#   ./install.sh                        what running needs
#   ./install.sh --dev                  and the tools for tests and checks, JAX among them
#   ./install.sh --slurm                and what submits jobs to a SLURM cluster (docs/slurm.md)
#   ./install.sh --language-model       and JAX, for small language models (docs/language-model.md)
#   ./install.sh --export               and what exports tokenizers to tiktoken and llama.cpp (docs/shipping.md)
#   PYTHON=/path/to/python ./install.sh with this Python (3.11, 3.12 or 3.13)
set -eu
cd "$(dirname "$0")"
umask 022

stop() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

# Letters of other scripts are harmless: bytes above 127 are left aside.
if printf %s "$PWD" | LC_ALL=C tr -d '\200-\377' | LC_ALL=C grep -q '[^0-9A-Za-z./+@%,:=~_-]'; then
    stop "Snakemake cannot start jobs from $PWD, whose path has a space, quote or bracket. Move the clone to another folder; folders of data and results may have any name."
fi

extras=
for option; do
    case "$option" in
        --dev) extras="$extras dev language-model export" ;; # the tests train a tiny language model, and export
        --slurm | --language-model | --export) extras="$extras ${option#--}" ;;
        *) sed -n '2,8s/^# *//p' install.sh; [ "$option" = --help ] && exit; exit 2 ;;
    esac
done

# A mark is written when an install is complete. It names the locks and the place (an environment cannot be
# moved), so that a half-made, outdated or copied .venv is made again.
hash_of() {
    { pwd; cat "$@"; } | if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}
run_mark=$(hash_of requirements.lock envs/build.lock)
marked() { [ "$(cat ".venv/$1" 2>/dev/null)" = "$2" ]; }
version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }
whole() {
    marked trex-run "$run_mark" && version=$(version_of .venv/bin/python) &&
        { [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$version" ]; }
}

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || stop "PYTHON=$PYTHON does not run, or is not Python 3.11, 3.12 or 3.13."
        python=$PYTHON
        return
    fi
    for python in python3.13 python3.12 python3.11 python3; do
        if fits "$python"; then return; fi
    done
    python=
}

# What a bare Debian or Ubuntu lacks: venv's ensurepip, and libgomp for LightGBM.
find_missing() {
    find_python
    missing=
    if [ -z "$python" ]; then
        missing=python3-venv
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        missing=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    fi
    [ "$(uname)" = Linux ] || return 0
    "${python:-false}" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || missing="$missing libgomp1"
    missing=${missing# }
}

install_missing() {
    find_missing
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null ||
        stop "missing, by Debian's names: $missing. Install them (a Python of 3.11 to 3.13 will do), or set PYTHON."
    if [ "$(id -u)" != 0 ]; then
        stop "missing: $missing. Run this, then ./install.sh again:
    sudo apt-get update && sudo apt-get install -y $missing"
    fi
    echo "Installing $missing with apt-get"
    apt-get update -qq
    # shellcheck disable=SC2086  # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    find_missing
    [ -n "$python" ] || stop "no Python of 3.11 to 3.13 found, and python3 here is another. Set PYTHON."
    [ -z "$missing" ] || stop "still missing: $missing"
}

pip_install() { .venv/bin/python -m pip install -q --no-input --disable-pip-version-check --no-build-isolation "$@"; }

if ! whole; then
    install_missing
    echo "Making .venv with Python $(version_of "$python") and the packages of requirements.lock: a minute or two"
    rm -rf .venv
    "$python" -m venv .venv
    pip_install --require-hashes -r envs/build.lock
    pip_install --require-hashes -r requirements.lock
    pip_install --no-deps --editable .
    echo "$run_mark" >.venv/trex-run
fi
for extra in $extras; do
    lock=requirements-$extra.lock
    mark=$(hash_of requirements.lock envs/build.lock "$lock")
    if ! marked "trex-$extra" "$mark"; then
        echo "Adding the packages of $lock"
        pip_install --require-hashes -r "$lock"
        echo "$mark" >".venv/trex-$extra"
    fi
done
