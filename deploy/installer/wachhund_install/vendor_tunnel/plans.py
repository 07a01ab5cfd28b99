"""What disabling the vendor's tunnel and restoring it do, step by step: these tables are the whole of it."""

from wachhund_install import steps
from wachhund_install.outcome import OK
from wachhund_install.robot import check_user
from wachhund_install.steps import Step
from wachhund_install.vendor_tunnel import disabling, looking, record, restoring
from wachhund_install.work import Work

_WAY_OUT = "say restore-vendor-tunnel"


def _list_off(work: Work) -> None:
    disabling.list_off(work)


def _list_back(work: Work) -> None:
    restoring.list_back(work)


def _links_off(work: Work) -> None:
    disabling.links_off(work)
    disabling.reload(work)


def _links_back(work: Work) -> None:
    restoring.links_back(work)
    disabling.reload(work)


DISABLE = (
    Step("check", "look whether it can be changed here, and changed back", disabling.check, looks=True),
    Step("look", "look what there is of the vendor's tunnel", disabling.look, looks=True),
    Step("backup", "keep what will be changed", disabling.back_up, disabling.forget_backup),
    Step("list", "take `tunnel` out of the vendor's start list", disabling.list_off, _list_back),
    Step("service", "let its service not start with the robot", disabling.links_off, _links_back),
    Step("reload", "let systemd read that", disabling.reload),
    Step("stop", "end what runs of it", disabling.stop, restoring.start_again),
    Step("watch", "look whether it stays away", disabling.stays_away),
    Step("finish", "note that it is done", disabling.finish),
)

RESTORE = (
    Step("check", "look whether it can be put back as it was", restoring.check, looks=True),
    Step("begin", "note that it is begun", restoring.begin, record.end),
    Step("list", "put the vendor's start list back", restoring.list_back, _list_off),
    Step("service", "let its service start with the robot", restoring.links_back, _links_off),
    Step("reload", "let systemd read that", disabling.reload),
    Step("start", "start what ran", restoring.start_services, stays=True),
    Step("finish", "take the backup away", restoring.finish),
)


def disable(work: Work) -> int:
    """The exit status."""
    check_user()
    found = looking.look(work)
    if not found.is_on and not (record.exists(work) and record.is_unfinished(work)):
        if record.exists(work):
            return work.telling.end(OK, "the vendor's tunnel is disabled already; the backup is in " + record.FOLDER)
        _forget_nothing(work)
        what = "lies here and neither runs nor starts by itself" if found.installed else "is not on this robot"
        return work.telling.end(OK, "the vendor's tunnel {}: nothing was changed".format(what))
    text = "the vendor's tunnel is disabled; its programs stay, the backup is in " + record.FOLDER
    return steps.run(DISABLE, work, lambda done: text, _WAY_OUT)


def restore(work: Work) -> int:
    """The exit status."""
    check_user()
    if not record.exists(work):
        _forget_nothing(work)
        return work.telling.end(OK, "the vendor's tunnel was not disabled here: nothing was changed")
    return steps.run(RESTORE, work, lambda done: "the vendor's tunnel is as it was", _WAY_OUT)


def _forget_nothing(work: Work) -> None:
    """A run was killed before it changed anything."""
    if not work.options.dry_run and record.folder(work).is_dir():
        record.take_away(work)
