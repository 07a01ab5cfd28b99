"""Which of the maker's programs take orders from the network and ask nobody who they are?"""

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.inspection.tunnels import start_words
from wachhund.robot_tree.files import Files


def open_services(files: Files, robot: KnownRobot) -> Answer:
    """Those that lie there, by what is publicly known of them; worth what is told only while they are started."""
    look = Look(files, "open-services", "Which of the maker's programs take orders from whoever reaches them?")
    words = start_words(look, robot)
    for service in robot.services:
        if look.place(service.path) is None:
            continue
        is_started = service.starts_as is None or service.starts_as in words
        name = service.path.rpartition("/")[2]
        proof = [f"{service.path} is there"]
        if is_started and service.starts_as:
            proof.append(f'{robot.start_list} starts "{service.starts_as}" at each boot')
        look.found(
            f"service-{name}", service.level if is_started else "low", f"{name} {service.what}", proof,
            "Whoever is on the robot's network, or comes by a tunnel, can use it."
            if is_started else "Nothing starts it at boot; whoever is on the robot can.",
            (f"If it is not needed: take its word out of {robot.start_list}, and reboot",), "wachhund audit again",
            ("T1210", "CWE-306"),
        )  # fmt: skip
    return look.answer()
