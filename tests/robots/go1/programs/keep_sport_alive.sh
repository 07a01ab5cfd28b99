#!/bin/bash
# Looks for ever whether the legs' program lives. Usage: keep_sport_alive.sh SECONDS
while true; do
  found=$(ps aux | grep Legged_sport | grep -v grep | awk '{print $2}')
  sleep "$1"
done
