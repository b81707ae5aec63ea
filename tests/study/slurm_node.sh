#!/usr/bin/env bash
# One computer as a Slurm cluster of one node, for the tests marked `slurm`:
#
#     slurm_node.sh start FOLDER     munged, slurmctld and slurmd, with all they keep in FOLDER
#     slurm_node.sh node FOLDER      slurmd again, after it was killed
#     slurm_node.sh stop FOLDER
#
# Needs root and the Debian packages slurm-wlm and munge; neither systemd nor cgroups.
set -euo pipefail
what=$1 folder=$(realpath -m "$2")
export SLURM_CONF=$folder/slurm.conf

start_node() { slurmd -f "$SLURM_CONF" -c; }

case $what in
start)
  for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 3; }
  done
  [ "$(id -u)" = 0 ] || { echo "it needs root" >&2; exit 3; }
  mkdir -p "$folder"/{state,spool} /run/munge
  [ -s /etc/munge/munge.key ] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
  chown munge:munge /etc/munge/munge.key /run/munge
  chmod 400 /etc/munge/munge.key
  chmod 755 /run/munge
  if ! pgrep -x munged >/dev/null; then
    runuser -u munge -- munged
    touch "$folder/own_munged"
  fi
  cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
CryptoType=crypto/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
JobRequeue=1
KillWait=5
SlurmdTimeout=15
SlurmctldPort=46817
SlurmdPort=46818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
MaxArraySize=100
MaxJobCount=60
MinJobAge=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=short Nodes=ALL MaxTime=5 State=UP
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  slurmctld -f "$SLURM_CONF" -c
  start_node
  for _ in $(seq 60); do
    [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && exit 0
    sleep 0.5
  done
  echo "the node does not become idle; see $folder/*.log" >&2
  exit 1
  ;;
node) start_node ;;
stop)
  for name in slurmd slurmctld; do
    [ -s "$folder/$name.pid" ] && kill "$(cat "$folder/$name.pid")" 2>/dev/null || true
  done
  [ ! -e "$folder/own_munged" ] || runuser -u munge -- munged --stop
  ;;
esac
