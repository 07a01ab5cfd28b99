"""All scenes of the corpus."""

from tests.robots.attacks import (
    cameras,
    carriers,
    control,
    housekeeping,
    monitor,
    networks,
    people,
    persistence,
    posture,
    processes,
    relays,
    ssh_tunnels,
    unseen_attacks,
    unseen_look_alikes,
    vendor,
)
from tests.robots.attacks.scene import Scene

ATTACKS = (vendor, relays, ssh_tunnels, networks, carriers, processes, cameras, control, persistence, posture, monitor,
           unseen_attacks)  # fmt: skip
LOOK_ALIKES = (people, housekeeping, unseen_look_alikes)
SCENES: tuple[Scene, ...] = tuple(scene for module in (*ATTACKS, *LOOK_ALIKES) for scene in module.SCENES)


def named(prefixes: list[str]) -> tuple[Scene, ...]:
    """The scenes whose names begin so; all without a prefix. Raises ValueError for a prefix that no scene has."""
    for prefix in prefixes:
        if not any(scene.name.startswith(prefix) for scene in SCENES):
            raise ValueError(f"no scene's name begins with {prefix!r}")
    return tuple(scene for scene in SCENES if not prefixes or scene.name.startswith(tuple(prefixes)))
