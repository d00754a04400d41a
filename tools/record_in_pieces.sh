#!/usr/bin/env bash
# Record a plan where a command may run for minutes only and nothing can be downloaded,
# as on a lent GPU: every call takes what it is given, trains until its time is over,
# and packs the records that there are. The next call continues.
#
#   tools/record_in_pieces.sh INPUT SECONDS PLAN OUTPUT [OPTION ...]
#
#   INPUT    folder with any of: zips of the data set (all splits, over several calls),
#            wheels of vhist and of what the machine's Python lacks
#   SECONDS  time for training in this call
#   PLAN     for example gpu
#   OUTPUT   folder that gets records.tar.gz
#   OPTION   of vhist runs record: --only chooses, --jobs fills a GPU with small networks
#
# What must last between calls is in $WORK, /tmp/vhist if not set; a folder in memory
# (/dev/shm/vhist) saves the time that checkpoints of full-size networks take.
set -euo pipefail

input=$1 seconds=$2 plan=$3 output=$4
shift 4
work=${WORK:-/tmp/vhist}
mkdir -p "$work/data" "$work/runs" "$work/site" "$output"
export PYTHONPATH="$work/site" PYTHONUNBUFFERED=1 VHIST_CACHE="$work/cache"

shopt -s nullglob
wheels=("$input"/*.whl)
if ((${#wheels[@]})); then
    python3 -m pip install --quiet --no-index --no-deps --upgrade \
        --target "$work/site" "${wheels[@]}"
fi
for zip in "$input"/*.zip; do
    python3 -m zipfile -e "$zip" "$work/data"
done

roots=("$work"/data/*/val)
if ((${#roots[@]} == 0)) || [[ ! -d ${roots[0]%val}train ]]; then
    echo "the data set is not complete yet: call again with the rest"
    exit 0
fi
export VHIST_DATA=${roots[0]%/val}

code=0
timeout --signal=TERM --kill-after=30 "$seconds" \
    python3 -m vhist runs record "$plan" --out "$work/runs" "$@" || code=$?
files=("$work"/runs/*.json "$work"/runs/*.log)
if ((${#files[@]})); then
    tar -czf "$output/records.tar.gz" -C "$work/runs" "${files[@]##*/}"
fi
python3 -m vhist runs record "$plan" --out "$work/runs" "$@" --dry-run
# 124 and 143 say that the time was over: as planned.
[[ $code == 124 || $code == 143 ]] || exit "$code"
