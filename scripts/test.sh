#!/bin/sh
# Runs all tests. Beside them, with what they leave of the processors, it runs each
# fuzz target for FUZZTIME (default 5s) and the make targets named in BESIDE; what
# those say follows at the end, whole if one failed.
set -u
: "${FUZZTIME:=5s}" "${BESIDE:=}" "${GO:=go}" "${MAKE:=make}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
(
	set -e
	# shellcheck disable=SC2086 # a list of targets
	[ -z "$BESIDE" ] || nice -n 19 "$MAKE" $BESIDE
	FUZZTIME=$FUZZTIME nice -n 19 sh scripts/fuzz.sh
) >"$log" 2>&1 &
beside=$!
"$GO" test -vet=all -race -shuffle=on -timeout 20m ./...
tests=$?
if wait "$beside"; then
	echo "beside the tests: ${BESIDE:+$BESIDE, }$(grep -c '^fuzz Fuzz' "$log") fuzz targets for $FUZZTIME each: ok"
else
	cat "$log"
	echo "beside the tests: FAILED, see above"
	exit 1
fi
exit "$tests"
