"""Installing the agent as a systemd service: one file in /usr/local/lib, one hardened unit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

from agent import bundle

UNIT_NAME = "haas-agent.service"
UNIT_DIRECTORY = Path("/etc/systemd/system")
PROGRAM = Path("/usr/local/lib/haas-agent/haas-agent.pyz")

# SMART needs the raw disk: CAP_SYS_RAWIO for SATA and SAS, CAP_SYS_ADMIN for NVMe. Serial numbers
# in /sys and log-ins in /run are root's to read. Everything else is taken away.
UNIT = """\
[Unit]
Description=Health agent of a leased device
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target time-sync.target
ConditionPathExists=/var/lib/haas-agent/credentials.json
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={python} {program} run
Restart=always
RestartSec=10
WatchdogSec=180
TimeoutStopSec=40
StateDirectory=haas-agent
StateDirectoryMode=0700
UMask=0077

MemoryMax=128M
TasksMax=32
CPUQuota=20%
Nice=10
IOSchedulingClass=idle
OOMPolicy=continue

CapabilityBoundingSet=CAP_SYS_RAWIO CAP_SYS_ADMIN
AmbientCapabilities=
NoNewPrivileges=yes
DevicePolicy=closed
DeviceAllow=block-sd rw
DeviceAllow=block-blkext rw
DeviceAllow=char-nvme rw
DeviceAllow=char-pts r
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@mount @swap @reboot @module @debug @obsolete
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


class CannotInstall(Exception):
    """The service could not be installed; the text says what to do."""


def unit_text(*, python: str, program: Path) -> str:
    """Return the unit file."""
    return UNIT.format(python=python, program=program)


def install(
    *,
    root: Path = Path("/"),
    start: bool = True,
    python: Optional[str] = None,
) -> List[str]:
    """Install program and unit under `root`, start the service, and return what was done.

    With another `root` than / (an image that is being built) nothing is started.

    :raises CannotInstall: without the rights, or without systemd.
    """
    is_live = root == Path("/")
    if is_live and os.geteuid() != 0:
        raise CannotInstall("installing a service needs root: run it with sudo")
    if is_live and not Path("/run/systemd/system").is_dir():
        raise CannotInstall("systemd does not run here; start 'run' by another service manager")
    done = []
    program, unit = root / PROGRAM.relative_to("/"), root / UNIT_DIRECTORY.relative_to("/") / UNIT_NAME
    try:
        program.parent.mkdir(parents=True, exist_ok=True)
        running = bundle.running_archive()
        if running is None:
            bundle.build(program)
        elif running.resolve() != program.resolve():
            fresh = program.with_suffix(".new")
            shutil.copyfile(running, fresh)
            fresh.replace(program)
        program.chmod(0o755)
        done.append(f"program {program}")
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(unit_text(python=python or sys.executable, program=PROGRAM), encoding="ascii")
        done.append(f"unit {unit}")
    except OSError as error:
        raise CannotInstall(f"{error.filename}: {error.strerror}") from error
    if is_live and start:
        for command in (["daemon-reload"], ["enable", UNIT_NAME], ["restart", UNIT_NAME]):
            outcome = subprocess.run(
                ["systemctl", *command],
                check=False,
                capture_output=True,
                text=True,
            )
            if outcome.returncode:
                raise CannotInstall(f"systemctl {command[0]}: {outcome.stderr.strip()}")
        done.append(f"service {UNIT_NAME} enabled and started")
    return done
