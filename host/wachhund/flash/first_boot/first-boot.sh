#!/bin/sh
# Put onto a card's image by `wachhund flash image`: installs the agent that lies beside this, enrols it with the one-time
# token that lies beside this, and takes itself away. Root runs it at each start until that is done.
set -eu
umask 077
here=/var/lib/wachhund-first-boot
unit=wachhund-first-boot.service
units=/etc/systemd/system
enrolled=/var/lib/private/wachhund/agent.json
tries=100 # with the waits between them: a day

if [ ! -e "$enrolled" ]; then
  bundle=$(echo "$here"/wachhund-agent-*.run)
  sh "$bundle" install --within 0 # once: the card is written when it is put in place, not with each try below
  wait=10
  while [ ! -e "$enrolled" ]; do
    status=0
    # Not started yet: what it sees first must not be how this takes itself away.
    sh "$bundle" install --enrol - --no-start <"$here/token" || status=$?
    [ "$status" -ne 0 ] || break
    tries=$((tries - 1))
    if [ "$status" -ne 20 ] || [ "$tries" -eq 0 ]; then # 20: no host let it in, or none was reached
      echo "not enrolled: tried again at the next start; by hand: sh $bundle install --enrol -" >&2
      exit "$status"
    fi
    sleep "$wait"
    wait=$((wait * 2))
    [ "$wait" -le 900 ] || wait=900
  done
fi
# The token first, and what takes a while: where that is cut off, the next start does the rest.
rm -rf "$here/token" "$here"/wachhund-agent-*.run "$here" "$units/multi-user.target.wants/$unit" "$units/$unit"
systemctl daemon-reload
systemctl --no-block start wachhund-agent.service
