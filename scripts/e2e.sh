#!/bin/sh
# Runs the end-to-end tests: the built programs, real sessions, and the real
# agent programs against the scripted model where they are installed. Says at
# the end what was skipped, so that a green run is not mistaken for a full one.
# Arguments go to go test, e.g. scripts/e2e.sh -run TestExec.
set -u
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
go test -count=1 -v -timeout 20m "$@" ./e2e/... >"$log" 2>&1
rc=$?
grep -E '^(=== RUN|=== PAUSE|=== CONT)' -v "$log"
if grep -q '^ *--- SKIP' "$log"; then
	echo "e2e: SKIPPED:"
	grep -E '^ *--- SKIP' "$log" | sed 's/^/e2e:   /'
fi
exit $rc
