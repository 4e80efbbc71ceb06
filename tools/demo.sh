#!/usr/bin/env bash
# ./dev demo, once everything is built: starts a deployment, asks it a question with curl and with OpenAI's client, shows who saw what.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
python= # set by python_env
export OPENPCC_BIN="$root/build/release/bin"
[ -x "$OPENPCC_BIN/openpcc" ] || die "$OPENPCC_BIN/openpcc is not built; ./dev demo builds it"
python_env tests/requirements.txt python
exec "$python" tools/demo.py "$@"
