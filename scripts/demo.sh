#!/bin/sh
# Shows a message with its proof in a sandbox: see internal/demo. Claude and
# codex play where npm can install them, shell scripts where not or with EXEC=1.
# Programs that are there already are named by IAPEER_AGENTS_DIR. Exit 0 when
# all went as it must, else 1.
set -u
cd "$(dirname "$0")/.."
bin=${BIN:-bin}
agents=${IAPEER_AGENTS_DIR:-.cache/agents}

mkdir -p .cache/bin
go build -o .cache/bin/demo ./internal/demo || exit 1

if [ -z "${EXEC:-}" ]; then
	if [ -z "${IAPEER_AGENTS_DIR:-}" ]; then
		sh scripts/agents.sh "$agents" claude-2.1.329 codex-0.169.0
	fi
	for p in "$agents"/claude-2.1.329/node_modules/.bin/claude "$agents"/codex-0.169.0/node_modules/.bin/codex; do
		if [ ! -x "$p" ]; then
			echo "demo: $p is not there; shell scripts play instead of claude and codex"
			EXEC=1
			break
		fi
	done
fi
if [ -n "${EXEC:-}" ]; then
	EXEC=1 exec .cache/bin/demo "$bin"
fi
exec .cache/bin/demo "$bin" "$agents"
