#!/bin/sh
# Open JupyterLab on a notebook and print its address; a browser is opened where there is a display.
# Usage: [PORT=8888] lab.sh PYTHON NOTEBOOK
set -eu
python=$1
notebook=$2
port=${PORT:-8888}
[ -f "$notebook" ] || { echo "There is no $notebook here: run make lab in the folder of the project." >&2; exit 1; }
set -- --ServerApp.ip=127.0.0.1 --ServerApp.port="$port" --ServerApp.port_retries=0 --ServerApp.root_dir=. \
    --LabApp.default_url="/lab/tree/$notebook"
[ "$(id -u)" != 0 ] || set -- "$@" --allow-root
[ "$(uname)" = Darwin ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || set -- "$@" --no-browser
token=$("$python" -c 'import secrets; print(secrets.token_hex(16))')
echo "JupyterLab is starting; open it at http://127.0.0.1:$port/lab/tree/$notebook?token=$token"
echo "Stop it with Ctrl-C."
exec "$python" -m jupyterlab "$@" --IdentityProvider.token="$token"
