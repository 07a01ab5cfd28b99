"""An inventory of robots for deploy/pyinfra/agent.py: copy it, and name yours.

No passwords in here: log in with a key, or say
`pyinfra --ssh-password-prompt --use-sudo-password --same-sudo-password`.
"""

robots = (
    [
        ("192.168.123.161", {"wachhund_name": "rex"}),
        ("192.168.124.161", {"wachhund_name": "bo"}),
    ],
    {
        "ssh_user": "pi",
        "ssh_strict_host_key_checking": "yes",
        "wachhund_bundles": "dist",
    },
)
