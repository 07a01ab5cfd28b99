"""What happens to a robot from its owner's first command to the last, on a whole arm64 machine with a real host.

Each step says what was found, and raises AssertionError when it is not as it must be.
"""

from tests.robots.virtual import auditing, cameras, carding, changing, fitting, hanging, seeing, tunnel
from tests.robots.virtual.stopwatch import Step

STEPS = (
    Step("what it is", seeing.what_it_is),
    Step("make the bundles", fitting.make_bundles),
    Step("copy them there", fitting.copy_bundles),
    Step("look at all files", fitting.look_before),
    Step("audit as it is sold", auditing.stock),
    Step("the vendor's tunnel stands", tunnel.enrol),
    Step("audit with the tunnel", auditing.enrolled),
    Step("nothing is left of them", auditing.nothing_left),
    Step("install and enrol", fitting.install),
    Step("accept", fitting.accept),
    Step("senses", seeing.senses),
    Step("observe", seeing.observe),
    Step("log in by ssh", seeing.log_in),
    Step("look through a camera", cameras.look_through),
    Step("come by the tunnel", tunnel.come_through),
    Step("sandbox", seeing.sandbox),
    Step("watchdog", hanging.hang),
    Step("update", changing.update),
    Step("forced rollback", changing.roll_back),
    Step("power cut in an update", changing.cut_power),
    Step("faults", fitting.no_faults),
    Step("uninstall", fitting.uninstall),
    Step("switch off", carding.switch_off),
    Step("audit its card", auditing.card),
    Step("flash its card", carding.flash),
    Step("first start", carding.start),
    Step("accept that too", carding.accept),
)
