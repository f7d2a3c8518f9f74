#!/usr/bin/env bash
# A throw-away machine that a real systemd runs, up in a second and gone without a trace:
#   throwaway-systemd.sh up FOLDER [systemd-nspawn option...]
#   throwaway-systemd.sh in FOLDER COMMAND...
#   throwaway-systemd.sh down FOLDER
# FOLDER is a new, empty one for its state. The machine sees this machine's files and writes to memory only. Its
# network is its own, with nothing but lo, unless MACHINE_NETWORK=shared gives it that of the caller. With
# MACHINE_OWNER=PID the machine goes when that process has gone without taking it down.
set -euo pipefail

action=$1 folder=$(realpath "$2")
shift 2
# The one hierarchy that systemd needs, wherever this host has it: alone, or beside the older ones.
hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cgroup=$hierarchy/throwaway-$(basename "$folder")

# Runs in fresh mount, cgroup and pid namespaces, as their first process: root, state folder, options of nspawn.
boot() {
  local folder=$1 machine=$1/machine
  shift
  mount -t proc proc /proc
  # In its own namespace the machine's cgroup is the root of the hierarchy, as systemd expects.
  umount --lazy --recursive /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mkdir "$machine"
  mount -t tmpfs tmpfs "$machine"
  mkdir "$machine"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$machine/upper,workdir=$machine/work" "$machine/root"
  # What nspawn notes about its machines is not for this host.
  mount -t tmpfs tmpfs /run
  : >"$machine/root/etc/machine-id"
  rm -f "$machine/root/etc/resolv.conf"
  # Images of containers forbid packages to start services; here they may.
  rm -f "$machine/root/usr/sbin/policy-rc.d"
  # Without these capabilities and bpf(2), IPAddressDeny= would be accepted and ignored. basic.target: not the
  # services that this host happens to have.
  exec systemd-nspawn --quiet --directory="$machine/root" --register=no --keep-unit --console=pipe \
    --link-journal=no --resolv-conf=off --timezone=off \
    --capability=CAP_BPF,CAP_NET_ADMIN,CAP_PERFMON --system-call-filter=bpf \
    "$@" --boot systemd.unit=basic.target
}

up() {
  local network=(--private-network) i pid state=''
  [ "${MACHINE_NETWORK:-}" != shared ] || network=()
  mkdir "$cgroup"
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec setsid unshare --mount --cgroup --pid --fork --kill-child --propagation private \
      bash -euc "$(declare -f boot); boot \"\$@\"" boot "$folder" "${network[@]}" "$@"
  ) </dev/null >"$folder/console" 2>&1 &
  echo $! >"$folder/pid"
  watch_owner
  for ((i = 0; i < 600; i++)); do
    for pid in $(cat "$cgroup/payload/init.scope/cgroup.procs" 2>/dev/null); do
      if grep -qE '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" 2>/dev/null; then
        echo "$pid" >"$folder/init"
        break 2
      fi
    done
    kill -0 "$(cat "$folder/pid")" 2>/dev/null || break
    sleep 0.05
  done
  if [ ! -s "$folder/init" ]; then
    cat "$folder/console" >&2
    down
    exit 1
  fi
  for ((i = 0; i < 600; i++)); do
    state=$(inside systemctl is-system-running 2>/dev/null || true)
    case $state in running | degraded) return ;; esac
    sleep 0.05
  done
  echo "the machine did not start: ${state:-no answer}" >&2
  down
  exit 1
}

watch_owner() {
  [ -n "${MACHINE_OWNER:-}" ] || return 0
  (
    while [ -d "$cgroup" ] && kill -0 "$MACHINE_OWNER" 2>/dev/null; do sleep 1; done
    [ ! -d "$cgroup" ] || down
  ) </dev/null >/dev/null 2>&1 &
}

inside() {
  nsenter --target "$(cat "$folder/init")" --mount --uts --ipc --net --pid --cgroup -- \
    env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    SYSTEMD_PAGER= SYSTEMD_COLORS=0 DEBIAN_FRONTEND=noninteractive "$@"
}

down() {
  local i
  # Takes everything in the machine's pid namespace with it.
  kill -KILL "$(cat "$folder/pid")" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -d "$cgroup" ] || return 0
    sleep 0.05
  done
  echo "processes are left in $cgroup" >&2
  return 1
}

case $action in
  up) up "$@" ;;
  in) inside "$@" ;;
  down) down ;;
  *) echo "throwaway-systemd.sh: $action: up, in or down" >&2 && exit 2 ;;
esac
