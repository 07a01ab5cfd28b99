#!/bin/sh
# The stock robot's noise (its keep_sport_alive.sh): some 40 short processes a second, for ever.
# On SIGTERM it says how many rounds it made, of five programs each, so that an observer can be held against it.
rounds=0
trap 'echo "$rounds"; exit 0' TERM
while :; do
  ps aux | grep Legged_sport | grep -v grep | awk '{print $2}' >/dev/null
  sleep 0.1
  rounds=$((rounds + 1))
done
