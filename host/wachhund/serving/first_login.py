"""How to log in the first time, or again after a password was forgotten: said once."""

from wachhund import service_manager
from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund.web.door import Door


def say_how_to_log_in(door: Door, page: str, again: bool, data: DataFolder) -> None:
    """The first start makes the operator `admin`; what it prints is shown once and stands nowhere.

    But of a service, whose words others read in the system's log: then it lies in a file for the host's user only.
    """
    keys = door.first_keys()
    code = keys.code if keys is not None else door.new_code("admin") if again else None
    lines = []
    if keys is not None:
        lines.append(f'wachhund: first start: operator "{keys.operator}", password {keys.password} (shown this once)')
    if code is not None:
        lines.append(f"wachhund: log in, once, within an hour: {page}login#{code}")
    if lines and service_manager.is_managed():
        data.way_in.unlink(missing_ok=True)
        write_secret_file(data.way_in, "".join(f"{line}\n" for line in lines).encode())
        lines = [f"wachhund: how to log in stands in {data.way_in}, for this user only: read it, and delete it"]
    for line in lines:
        print(line)
