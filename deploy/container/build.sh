#!/bin/sh
# The host as a container's image: Debian's packages by mmdebstrap, the host from its own bundle, put together by buildah.
#
#   sudo deploy/container/build.sh dist/wachhund-VERSION-x86_64.run [NAME]
#
# Needs Debian's mirror (or what /etc/apt says) while it builds. Nothing of the host's is fetched: all is in the bundle.
set -eu
[ "$#" -ge 1 ] || { echo "usage: build.sh BUNDLE [NAME]" >&2; exit 2; }
bundle=$(readlink -f "$1")
name=${2:-wachhund}
[ -f "$bundle" ] || { echo "build.sh: $1: no such bundle: make bundle" >&2; exit 2; }
for tool in mmdebstrap buildah; do
  command -v "$tool" >/dev/null || { echo "build.sh: $tool is missing: apt install mmdebstrap buildah" >&2; exit 2; }
done
sh "$bundle" --check >/dev/null || { echo "build.sh: $1: not a whole bundle of a host: make it anew" >&2; exit 2; }

work=$(mktemp -d)
container=
leave() {
  [ -z "$container" ] || buildah rm "$container" >/dev/null 2>&1 || :
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

# What Debian calls essential, an interpreter, what our compiled libraries link to, and whom TLS trusts; no package
# manager comes into the image.
mmdebstrap --quiet --variant=essential --include=python3,libstdc++6,ca-certificates \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$work/base.tar"

container=$(buildah from scratch)
buildah add --quiet "$container" "$work/base.tar" / >/dev/null
buildah copy --quiet "$container" "$bundle" /tmp/host.run >/dev/null
buildah run --isolation chroot "$container" -- sh -eu -c '
  sh /tmp/host.run --into /opt/wachhund
  rm /tmp/host.run
  # A user of its own; what is mounted at /data belongs to it.
  echo "wachhund:x:8443:8443::/data:/usr/sbin/nologin" >> /etc/passwd
  echo "wachhund:x:8443:" >> /etc/group
  install -d -o 8443 -g 8443 -m 700 /data
  ln -s /opt/wachhund/wachhund /usr/local/bin/wachhund
' >&2
# 8765 pages (HTTP: behind a proxy), 8883 robots by TLS, 8443 robots that enrol.
buildah config --user wachhund --workingdir /data --volume /data --port 8765 --port 8883 --port 8443 \
  --env PATH=/usr/local/bin:/usr/bin:/bin --env LANG=C.UTF-8 --stop-signal SIGTERM \
  --entrypoint '["wachhund", "serve", "--data", "/data"]' --cmd '[]' \
  --label org.opencontainers.image.title=Wachhund --label org.opencontainers.image.licenses=Apache-2.0 "$container"
buildah commit --quiet "$container" "$name" >/dev/null
echo "$name: $(buildah inspect --type image --format '{{.FromImageID}}' "$name")"
