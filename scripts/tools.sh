#!/bin/sh
# Makes sure that the programs which tests drive are there. As root on a system
# with apt-get the missing ones are installed; elsewhere they are named. Tests
# that need an absent program skip and say so, therefore this never fails.
set -u

# program package
wanted="tmux:tmux setsid:util-linux setpriv:util-linux ps:procps"
missing=""
for w in $wanted; do
	command -v "${w%%:*}" >/dev/null 2>&1 && continue
	case "$(uname -s):${w%%:*}" in
	Darwin:setsid | Darwin:setpriv) continue ;; # Linux only
	esac
	missing="$missing ${w#*:}"
done
[ -z "$missing" ] && exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "tools: installing $missing"
	if { apt-get install -y --no-install-recommends $missing ||
		{ apt-get update && apt-get install -y --no-install-recommends $missing; }; } >/dev/null 2>&1; then
		exit 0
	fi
	echo "tools: apt-get could not install them"
fi
echo "tools: MISSING $missing(install them with your package manager; tests that need them are skipped)"
