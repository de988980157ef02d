#!/bin/sh
# Installs the agent programs that end-to-end tests run, each version in a
# prefix of its own, so that nothing of the person's own installation is used
# or changed. Usage: agents.sh <folder> [<prefix>…], all prefixes if none is
# named. Absent npm or network is said loudly and is no failure: the tests that
# need the programs skip.
set -u
dir=${1:?usage: agents.sh folder [prefix…]}
shift
only=" $* "

if ! command -v npm >/dev/null 2>&1; then
	echo "agents: SKIPPED, npm is not installed: tests with real agent programs will be skipped"
	exit 0
fi

# install <prefix> <package@version>
install() {
	case $only in "  " | *" $1 "*) ;; *) return 0 ;; esac
	[ -e "$dir/$1/.complete" ] && return 0
	echo "agents: installing $2"
	mkdir -p "$dir/$1"
	if npm install --prefix "$dir/$1" --no-audit --no-fund --loglevel=error "$2" >"$dir/$1/install.log" 2>&1; then
		: >"$dir/$1/.complete"
	else
		echo "agents: SKIPPED $2, npm could not install it:"
		tail -n 5 "$dir/$1/install.log" | sed 's/^/agents:   /'
	fi
}

install claude-2.1.197 @anthropic-ai/claude-code@2.1.197
install claude-2.1.329 @anthropic-ai/claude-code@2.1.329
install codex-0.169.0 @openai/codex@0.169.0
