#!/bin/sh
# Wachhund @VERSION@, a self-extracting file: this text, then a zip. Apache License 2.0.
# bundle: @NAME@
# release-key: @KEY@
# signature: @SIGNATURE@
# sha256: @SHA256@
# It checks itself before anything in it is unpacked or run: the zip here, all of it once more, with the signature, in
# what the zip begins with (wachhund_seal). Braces: a shell runs none of a text that was cut off within them.
{
  set -u
  json=
  for word in "$@"; do [ "$word" = --json ] && json=1; done
  fail() {
    if [ -n "$json" ]; then
      printf '{"state": "failed", "status": %s, "step": "end", "text": "%s"}\n' "$1" "$2"
    else
      printf 'wachhund: %s\n' "$2" >&2
    fi
    exit "$1"
  }
  machine=$(uname -m)
  case "$machine" in
    @MACHINE@) ;;
    arm*|i?86) fail 11 "this machine is $machine: there are no libraries for 32-bit machines; nothing was changed" ;;
    *) fail 11 "this bundle is for @MACHINE@, this machine is $machine: take the bundle for it; nothing was changed" ;;
  esac
  python= found=
  for candidate in ${WACHHUND_PYTHON:-python3 @CANDIDATES@}; do
    version=$("$candidate" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case "$version" in
      @VERSIONS@) python=$candidate; break ;;
      *) found="${found:+$found, }$version" ;;
    esac
  done
  [ -n "$python" ] || fail 12 "needs Python @LEAST@ or newer (to @MOST@), here is ${found:-none}: nothing was changed"
  sum=$(tail -c +@OFFSET@ "$0" | sha256sum) || fail 10 "this file can't be read"
  [ "${sum%% *}" = @ZIP_SHA256@ ] || fail 10 "not as it was made: cut off, or changed, or copied badly: get it anew"
  exec "$python" -I -S -B "$0" "$@"
  exit 70
}
