#!/bin/sh
# Installs what `make bench` compares with: bun and the official MCP SDK for
# TypeScript, both pinned, in a folder of their own. Usage: bench.sh <folder>.
# Absent npm or network is said loudly and is no failure: the rows that need
# them are left out of the table.
set -u
dir=${1:?usage: bench.sh folder}

if ! command -v npm >/dev/null 2>&1; then
	echo "bench: SKIPPED, npm is not installed: nothing is compared with the TypeScript shape"
	exit 0
fi
[ -e "$dir/.complete" ] && exit 0
mkdir -p "$dir"
if npm install --prefix "$dir" --no-audit --no-fund --loglevel=error \
	bun@1.4.5 @modelcontextprotocol/sdk@1.32.2 >"$dir/install.log" 2>&1; then
	: >"$dir/.complete"
else
	echo "bench: SKIPPED, npm could not install the TypeScript shape:"
	tail -n 5 "$dir/install.log" | sed 's/^/bench:   /'
fi
