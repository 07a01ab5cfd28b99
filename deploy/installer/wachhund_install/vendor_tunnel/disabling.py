"""Disabling the vendor's tunnel, step by step.

Each looks first what there is, so that it goes on where an earlier run was killed. Of an act that was cut off all
counts as this run's: what fails then is undone whole.
"""

from typing import List, Optional, Tuple

from wachhund_install.disk import NEW
from wachhund_install.outcome import TUNNEL_STAYS, Refused
from wachhund_install.robot import check_room, check_user
from wachhund_install.vendor_tunnel import known, looking, processes, record, vendor_file
from wachhund_install.vendor_tunnel.record import Record
from wachhund_install.work import Work

_ROOM_BYTES = 1 << 20


def check(work: Work) -> Optional[str]:
    """Nothing is changed before all of this holds."""
    check_user()
    found, kept = looking.look(work), record.read(work)
    for one in kept.files:
        record.content(work, one)
    folders = [record.folder(work).parent]
    if found.start_list is not None or kept.files:
        folders.append(work.places.at(known.AUTOSTART))
    if kept.links or any(one.links for one in found.services):
        folders.append(work.places.units)
    for folder in folders:
        check_room(work.places, folder, _ROOM_BYTES)
    return "it can be changed, and changed back"


def look(work: Work) -> Optional[str]:
    found = looking.look(work)
    said = looking.lines(work, found)
    for line in said:
        work.telling.step("look", "note", line)
    return "{} found".format(len(said))


def back_up(work: Work) -> Optional[str]:
    """All that will be changed, before any of it is."""
    found, kept = looking.look(work), record.read(work)
    was_unfinished = record.is_unfinished(work)
    record.begin(work)
    files = kept.files
    content = found.start_list
    if content is not None:
        before = kept.file(known.START_LIST)
        if before is None or not record.is_exactly(content, before):
            # Of one that the vendor wrote anew the newer counts; the older copy stays beside it.
            new = record.keep(work, known.START_LIST, content, known.without_the_word(content.data))
            files = (*(one for one in files if one.path != known.START_LIST), new)
    links = {one.path: one for one in kept.links}
    links.update({link.path: link for one in found.services for link in one.links})
    new_record = Record(
        files,
        tuple(links[path] for path in sorted(links)),
        _united(kept.services, [one.name for one in found.services if one.is_active]),
        _united(kept.programs, [one.what for one in found.running]),
    )
    if new_record != kept:
        record.write(work, new_record)
    return None if new_record == kept and not was_unfinished else "{}: files: {}, links: {}".format(
        record.FOLDER, len(new_record.files), len(new_record.links))  # fmt: skip


def forget_backup(work: Work) -> None:
    """Of what is as it was; what an earlier act changed stays kept."""
    kept = record.read(work)
    files = tuple(one for one in kept.files if record.stands(work, one) != record.BEFORE)
    links = tuple(one for one in kept.links if record.target(work, one) != one.target)
    if files or links:
        record.write(work, kept._replace(files=files, links=links))
        record.end(work)
    else:
        record.take_away(work)


def list_off(work: Work) -> Optional[str]:
    """Takes the word out of the vendor's start list."""
    root = work.places.root
    vendor_file.clean(work.disk, root, known.START_LIST)
    content = looking.look(work).start_list
    if content is None:
        return _again(work, "{} does not name it".format(known.START_LIST))
    less = content._replace(data=known.without_the_word(content.data))
    vendor_file.replace(work.disk, root, known.START_LIST, less, keep_time=False)
    return "`tunnel` is out of {}".format(known.START_LIST)


def links_off(work: Work) -> Optional[str]:
    """The service's own file stays."""
    for kept in record.read(work).links:
        work.disk.remove(work.places.at(kept.path + NEW))  # a restore was killed
    links = [link for one in looking.look(work).services for link in one.links]
    for link in links:
        work.disk.remove(work.places.at(link.path))
    return "{} is gone".format(", ".join(one.path for one in links)) if links else _again(work, "no link starts it")


def reload(work: Work) -> Optional[str]:
    if not record.read(work).links:
        return None
    work.services.reload()
    return "systemd has read it" if work.places.is_running_system else "not here"


def stop(work: Work) -> Optional[str]:
    """The services by systemd, which would start them again; then what is left."""
    services = [one.name for one in looking.look(work).services if one.is_active]
    for name in services:
        looking.service(work, name).stop()
    ended = processes.stop(work)
    if not services and not ended:
        return _again(work, "nothing of it runs")
    return "ended: {}".format(", ".join([*services, *ended]))


def stays_away(work: Work) -> Optional[str]:
    """Raises Refused when it comes back, or will with the next start."""
    for one in looking.look(work).services:
        by = looking.service(work, one.name).started_by()
        if by:
            text = "{}: {} starts it too, by no link in {}: that has to be found first"
            raise Refused(TUNNEL_STAYS, text.format(one.name, ", ".join(by), known.UNIT_FOLDERS[0]))
    processes.check_stays_away(work)
    return "nothing of it runs" if work.places.is_running_system else "not here"


def finish(work: Work) -> Optional[str]:
    record.end(work)
    return "the backup is in {}".format(record.FOLDER)


def _again(work: Work, text: str) -> Optional[str]:
    """Nothing was to be done; yet it is this run's to undo, when an earlier one did it and was cut off."""
    return text if record.is_unfinished(work) else None


def _united(before: Tuple[str, ...], now: List[str]) -> Tuple[str, ...]:
    return tuple(sorted({*before, *now}))
