#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every measurement, one after the other, and makes docs/performance.md of them.
#
#     bench/all.sh            about 56 minutes; nothing else may run on the machine
#     HOUR=1 bench/all.sh     the same, and then account_hour.py, an hour more
#     bench/all.sh --quick    about 8 minutes, to see that it works; writes into build/bench-quick
#
# BUILD=DIR takes the programs of another build folder.  A script that fails does not stop the
# others; the exit code is 1 then.

set -euo pipefail

cd "$(dirname "$0")/.."
build=${BUILD:-build}
hour=${HOUR:-0}
results=bench/results
page=docs/performance.md
quick=()
case ${1:-} in
	"") ;;
	--quick)
		quick=(--quick)
		results=$build/bench-quick
		page=$results/performance.md
		;;
	*)
		sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
		exit 2
		;;
esac
mkdir -p "$results"
failed=()

# NAME OPTION...
measure() {
	local name=$1 script=$1 began=$SECONDS
	shift
	# Some scripts are run several times, under other names.
	[[ " $* " =~ " --name "([a-z_]+)" " ]] && name=${BASH_REMATCH[1]}
	echo "=== $name"
	rm -f "$results/$name.json"
	"bench/$script.py" --omb "$build/omb" --json "$results/$name.json" "$@" "${quick[@]}" ||
		failed+=("$name")
	echo "=== $name: $((SECONDS - began)) s"
}

echo "load averages before: $(cut -d ' ' -f 1-3 /proc/loadavg)"
measure null_cost --null-loop "$build/bench/null_loop"
measure pacing
measure startup
measure fleet
measure acceptance --scaling-repeats 2
measure compare_kafka --bare "$build/bench/bare_kafka" --duration 7 --warmup 2 --broker-warmup 10
measure compare_kafka --bare "$build/bench/bare_kafka" --name compare_processes --processes \
	--producers 10 --consumers 4 --size 1024 --rate 100000 --wake 200 --window 0 --pairs 3 \
	--duration 40 --warmup 10
measure compare_kafka --bare "$build/bench/bare_kafka" --name compare_embedded --embedded \
	--rate max --partitions 1 --pairs 5 --duration 5 --warmup 1 --broker-warmup 2
measure account_pairs
measure account_pairs --embedded --name account_embedded
[[ $hour == 0 && ${#quick[@]} == 0 ]] || measure account_hour
bench/report.py --results "$results" --output "$page"
echo "=== $page; all of it: $SECONDS s"
if ((${#failed[@]})); then
	echo "failed: ${failed[*]}" >&2
	exit 1
fi
