# What the vendor's installer leaves on a robot that was in the internet, with a program that really carries: the
# robot's Python under the vendor's name, by the script that comes on standard input. $1: the unit; $2, $3: its cloud.
set -eu
place=/usr/local/zhexi/cloudsail
mkdir -p "$place"
cp "$(readlink -f "$(command -v python3)")" "$place/csclient"
cat > "$place/daemon"
echo 'uuid: none' > "$place/stat.yml"
cat > "/etc/systemd/system/$1" <<END
[Unit]
Description=CSClientDaemon
[Service]
ExecStart=$place/csclient -B $place/daemon $2 $3
Restart=always
RestartSec=5
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl --quiet enable --now "$1"
