"""A whole arm64 machine to install robots' software on: its own kernel and systemd, in QEMU, without KVM."""
