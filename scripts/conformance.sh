#!/bin/sh
# Installs the official MCP conformance suite and the bun that runs it (the
# suite wants a newer node than many machines have), both pinned, in a folder
# of their own. Usage: conformance.sh <folder>. Absent npm or network is said
# loudly and is no failure: the test that needs the suite skips.
set -u
dir=${1:?usage: conformance.sh folder}

if ! command -v npm >/dev/null 2>&1; then
	echo "conformance: SKIPPED, npm is not installed: the MCP conformance suite will not run"
	exit 0
fi
[ -e "$dir/.complete" ] && exit 0
mkdir -p "$dir"
if npm install --prefix "$dir" --no-audit --no-fund --loglevel=error \
	@modelcontextprotocol/conformance@0.1.16 bun@1.4.5 >"$dir/install.log" 2>&1; then
	: >"$dir/.complete"
else
	echo "conformance: SKIPPED, npm could not install the suite:"
	tail -n 5 "$dir/install.log" | sed 's/^/conformance:   /'
fi
