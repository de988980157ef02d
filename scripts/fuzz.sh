#!/bin/sh
# Runs every fuzz target for FUZZTIME (default 5s), one after the other, and
# fails at the end if any failed.
set -u
: "${FUZZTIME:=5s}"
failed=0
for pkg in $(go list ./...); do
	targets=$(go test -list '^Fuzz' "$pkg") || { echo "$targets"; failed=1; continue; }
	for target in $(echo "$targets" | grep '^Fuzz'); do
		echo "fuzz $target ${pkg#*/*/} $FUZZTIME"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "$pkg" || failed=1
	done
done
exit $failed
