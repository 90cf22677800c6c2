#!/bin/sh
# Open JupyterLab on a notebook. Without a display no browser is opened: the address is printed. Usage: lab.sh PYTHON NOTEBOOK
set -eu
python=$1
notebook=$2
port=${PORT:-8888}
options=""
[ "$(id -u)" = 0 ] && options="$options --allow-root"
case "$(uname)" in
    Darwin) ;;
    *) [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || options="$options --no-browser" ;;
esac
token=$("$python" -c 'import secrets; print(secrets.token_hex(16))')
echo "JupyterLab opens $notebook at http://127.0.0.1:$port/lab/tree/$notebook?token=$token"
# shellcheck disable=SC2086
exec "$python" -m jupyterlab $options --ServerApp.ip=127.0.0.1 --ServerApp.port="$port" --ServerApp.port_retries=0 \
    --IdentityProvider.token="$token" --LabApp.default_url="/lab/tree/$notebook" --ServerApp.root_dir=.
