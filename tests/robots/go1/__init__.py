"""A stand-in for a Unitree Go1, in network namespaces on one machine, as root. Written for this project's tests.

    with Go1(tmp_path / "robot") as robot:
        agent = robot.pi.popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=subprocess.PIPE)
        robot.start_noise()
        with visits.vendor_tunnel_login(robot) as operator:
            operator.type("id")

What stands where (addresses.py has every number):

    phone ---wlan1--- pi ---eth0--- nanos (bridge: .13 .14 .15, motor controller .10) --- lab
                       |
                      ppp0--- internet (an operator, a name server, the vendor's cloud)

Real programs: nginx, mosquitto, sshd, dnsmasq. Stand-ins (programs/): the cameras, the motor controller, Legged_sport,
programming.py, startup_uploader.py, a log daemon, the vendor's tunnel. No file and no identifier of any unit is in it.

The Pi has its own /etc, /home/pi, /run, /dev, /sys, /usr/local, /var/log and crontabs: a test may do there what it
likes (in /dev and /usr/local with new entries: a folder that the machine has there is the machine's). All of it lies in
the robot's folder, so a test reads it from outside: `robot.etc`, `robot.home`, `robot.log`, `robot.run`; or by
`robot.pi.root`. Process ids are those of the machine, and a program on the Pi sees the machine's other processes too.

At the end every process and namespace is gone, and every file but the logs. If a test is killed, the next Go1 removes
what it left. Every device inside has the kernel's clock; the robot's past date is not imitated.
"""

from tests.robots.go1.robot import Go1

__all__ = ["Go1"]
