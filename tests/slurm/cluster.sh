#!/usr/bin/env bash
# A real SLURM on one machine, for tests: slurmctld and several slurmd on the loopback interface, no systemd, no cgroups.
# For Debian 12, as root.
#
#   cluster.sh up      install what is missing, start; no-op when already up
#   cluster.sh env     print shell code to talk to it:  eval "$(tests/slurm/cluster.sh env)"
#   cluster.sh status  exit 0 when every daemon runs and every node is usable
#   cluster.sh down    cancel jobs, stop every daemon (by PID), keep the logs
#   cluster.sh wipe    down, then delete the state directory
#
# Settings (environment):
#   TREX_SLURM_DIR    state directory      (default $TMPDIR/trex-slurm)
#   TREX_SLURM_ACCT   none | dbd           (default none; dbd = slurmdbd + MariaDB)
#   TREX_SLURM_NODES  virtual slurmd nodes (default 2)
#   TREX_SLURM_CPUS   CPUs per node, may exceed the real ones   (default nproc)
#   TREX_SLURM_MEM    MiB per node, may exceed the real memory  (default 16000)
#   TREX_SLURM_PORT   first of the ports used on 127.0.0.1      (default 17810)
set -euo pipefail

DIR=${TREX_SLURM_DIR:-${TMPDIR:-/tmp}/trex-slurm}
case $DIR in /*) ;; *) DIR=$PWD/$DIR ;; esac
ACCT=${TREX_SLURM_ACCT:-none}
NODES=${TREX_SLURM_NODES:-2}
CPUS=${TREX_SLURM_CPUS:-$(nproc)}
MEM=${TREX_SLURM_MEM:-16000}
PORT=${TREX_SLURM_PORT:-17810}
HOST=$(hostname -s)
PARTITION='test'
ACCOUNT=lab
CLIENTS="sbatch srun salloc squeue sacct sacctmgr scancel scontrol sinfo sshare sstat sprio sreport"

CTLD_PORT=$PORT; DBD_PORT=$((PORT+1)); DB_PORT=$((PORT+2)); SLURMD_PORT=$((PORT+10))
export PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH

say() { printf 'cluster.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# alive PIDFILE NAME: true when the PID in PIDFILE is a live process called NAME.
# The name is compared so that a reused PID is never taken for ours.
alive() {
  local pid exe
  [ -s "$1" ] || return 1
  pid=$(tr -dc 0-9 <"$1")
  [ -n "$pid" ] && [ -d "/proc/$pid" ] || return 1
  exe=$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null || true)")
  case $exe in "$2"|"$2"-*) return 0 ;; *) return 1 ;; esac
}

gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

# stop PIDFILE NAME: TERM, wait up to 10 s, then KILL; removes the pid file.
stop() {
  local pid i
  if alive "$1" "$2"; then
    pid=$(tr -dc 0-9 <"$1")
    kill -TERM "$pid" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do gone "$pid" && break; sleep 0.1; done
    if ! gone "$pid"; then say "$2 ($pid) ignored TERM, killing"; kill -KILL "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$1"
}

# wait_for SECONDS COMMAND...
wait_for() {
  local end=$((SECONDS + $1)); shift
  while :; do
    "$@" >/dev/null 2>&1 && return 0
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

node_names() { local i; for ((i = 1; i <= NODES; i++)); do echo "node$i"; done; }

install_packages() {
  local need=()
  command -v slurmctld >/dev/null || need+=(slurmctld)
  command -v slurmd    >/dev/null || need+=(slurmd)
  command -v sbatch    >/dev/null || need+=(slurm-client)
  command -v munged    >/dev/null || need+=(munge)
  if [ "$ACCT" = dbd ]; then
    command -v slurmdbd >/dev/null || need+=(slurmdbd)
    command -v mariadbd >/dev/null || need+=(mariadb-server)
  fi
  [ ${#need[@]} -eq 0 ] && return 0
  say "installing ${need[*]}"
  # policy-rc.d: the packages must not start their own daemons.
  local policy=/usr/sbin/policy-rc.d made=
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; made=1; }
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${need[@]}"; } \
    >"$DIR/log/apt.log" 2>&1 || { tail -20 "$DIR/log/apt.log" >&2; [ -z "$made" ] || rm -f $policy; die "apt-get failed"; }
  [ -z "$made" ] || rm -f $policy
}

write_config() {
  local acct node i=0
  if [ "$ACCT" = dbd ]; then
    acct="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$DBD_PORT
AccountingStoragePass=$DIR/munge.run/socket
AccountingStoreFlags=job_comment"
    (umask 077; cat >"$DIR/slurmdbd.conf" <<E
AuthType=auth/munge
AuthInfo=socket=$DIR/munge.run/socket
CommunicationParameters=NoInAddrAny
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$DBD_PORT
SlurmUser=root
PidFile=$DIR/run/slurmdbd.pid
LogFile=$DIR/log/slurmdbd.log
DebugLevel=info
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$DB_PORT
StorageUser=slurm
StoragePass=local-only
StorageLoc=slurm_acct
E
    )
  else
    acct="AccountingStorageType=accounting_storage/none"
  fi
  cat >"$DIR/slurm.conf" <<E
ClusterName=local
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$CTLD_PORT
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$DIR/munge.run/socket
CredType=cred/munge
# loopback only: without these two every daemon listens on 0.0.0.0
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$DIR/ctld
SlurmdSpoolDir=$DIR/spool/%n
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
# no cgroups
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
# the only memory enforcement there is without cgroups: sampled each second
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
ReturnToService=2
# declared CPUs and memory win over what the machine has
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
# quick tests: no batching delay, short kill grace
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5
KillWait=2
CompleteWait=0
InactiveLimit=0
# a node that does not answer is lost soon
SlurmdTimeout=15
# finished jobs stay visible to squeue this long (the plugin polls squeue)
MinJobAge=300
MaxJobCount=20000
MaxArraySize=10001
$acct
JobCompType=jobcomp/filetxt
JobCompLoc=$DIR/log/jobcomp.txt
E
  for node in $(node_names); do
    i=$((i + 1))
    echo "NodeName=$node NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((SLURMD_PORT + i)) CPUs=$CPUS RealMemory=$MEM" >>"$DIR/slurm.conf"
  done
  echo "PartitionName=$PARTITION Nodes=ALL Default=YES MaxTime=1-00:00:00 DefaultTime=10 State=UP" >>"$DIR/slurm.conf"
  # Client wrappers.  snakemake-executor-plugin-slurm-jobstep strips every SLURM_*
  # variable, SLURM_CONF too, before its nested srun, so the variable alone is not enough.
  local c
  for c in $CLIENTS; do
    [ -x "/usr/bin/$c" ] || continue
    printf '#!/bin/sh\nSLURM_CONF=%s exec /usr/bin/%s "$@"\n' "$DIR/slurm.conf" "$c" >"$DIR/bin/$c"
    chmod 755 "$DIR/bin/$c"
  done
}

start_munge() {
  alive "$DIR/munge/pid" munged && return 0
  if [ ! -s "$DIR/munge/key" ]; then
    dd if=/dev/urandom of="$DIR/munge/key" bs=1024 count=1 status=none
  fi
  chown -R munge: "$DIR/munge" "$DIR/munge.run"; chmod 700 "$DIR/munge"; chmod 755 "$DIR/munge.run"; chmod 400 "$DIR/munge/key"
  setpriv --reuid=munge --regid=munge --clear-groups munged \
    --key-file="$DIR/munge/key" --seed-file="$DIR/munge/seed" --log-file="$DIR/munge/log" \
    --pid-file="$DIR/munge/pid" --socket="$DIR/munge.run/socket"
  wait_for 5 munge -S "$DIR/munge.run/socket" -n || { tail "$DIR/munge/log" >&2; die "munged did not start"; }
}

sql() { mariadb --no-defaults --protocol=socket -S "$DIR/mysql.run/socket" -u root "$@"; }

start_dbd() {
  [ "$ACCT" = dbd ] || return 0
  if ! alive "$DIR/mysql.run/pid" mariadbd; then
    mkdir -p "$DIR/mysql" "$DIR/mysql.run"; chown mysql: "$DIR/mysql" "$DIR/mysql.run"
    if [ ! -d "$DIR/mysql/mysql" ]; then
      mariadb-install-db --no-defaults --user=mysql --datadir="$DIR/mysql" --skip-test-db \
        --auth-root-authentication-method=normal >"$DIR/log/mariadb-install.log" 2>&1
    fi
    setsid mariadbd --no-defaults --user=mysql --datadir="$DIR/mysql" --socket="$DIR/mysql.run/socket" \
      --port=$DB_PORT --bind-address=127.0.0.1 --pid-file="$DIR/mysql.run/pid" \
      --innodb-buffer-pool-size=128M --innodb-lock-wait-timeout=900 --innodb-flush-log-at-trx-commit=0 \
      >"$DIR/log/mariadb.log" 2>&1 </dev/null &
    disown
    wait_for 20 sql -e 'select 1' || { tail "$DIR/log/mariadb.log" >&2; die "MariaDB did not start"; }
    sql -e "create database if not exists slurm_acct;
            create user if not exists 'slurm'@'127.0.0.1' identified by 'local-only';
            create user if not exists 'slurm'@'localhost' identified by 'local-only';
            grant all on slurm_acct.* to 'slurm'@'127.0.0.1';
            grant all on slurm_acct.* to 'slurm'@'localhost';"
  fi
  alive "$DIR/run/slurmdbd.pid" slurmdbd && return 0
  SLURM_CONF="$DIR/slurm.conf" slurmdbd
  wait_for 30 "$DIR/bin/sacctmgr" -n list cluster || { tail "$DIR/log/slurmdbd.log" >&2; die "slurmdbd did not start"; }
  "$DIR/bin/sacctmgr" -i -Q add cluster local >/dev/null 2>&1 || true
  "$DIR/bin/sacctmgr" -i -Q add account $ACCOUNT >/dev/null 2>&1 || true
  "$DIR/bin/sacctmgr" -i -Q add user "$(id -un)" account=$ACCOUNT >/dev/null 2>&1 || true
}

nodes_ready() {  # every node idle/mixed/allocated
  local n
  n=$("$DIR/bin/sinfo" -h -N -o '%N %T' 2>/dev/null | sort -u | awk '$2 ~ /^(idle|mixed|allocated)$/' | wc -l)
  [ "$n" -eq "$(grep -c ^NodeName= "$DIR/slurm.conf")" ]
}

up() {
  [ "$(id -u)" = 0 ] || die "must run as root"
  case $ACCT in none|dbd) ;; *) die "TREX_SLURM_ACCT must be none or dbd" ;; esac
  mkdir -p "$DIR"/{bin,ctld,log,munge,munge.run,run,spool}
  if status >/dev/null 2>&1; then say "already up in $DIR"; return 0; fi
  install_packages
  write_config
  start_munge
  start_dbd
  alive "$DIR/run/slurmctld.pid" slurmctld || slurmctld -f "$DIR/slurm.conf"
  wait_for 15 "$DIR/bin/scontrol" ping || { tail "$DIR/log/slurmctld.log" >&2; die "slurmctld did not start"; }
  local node
  for node in $(node_names); do
    mkdir -p "$DIR/spool/$node"
    alive "$DIR/run/slurmd.$node.pid" slurmd || slurmd -f "$DIR/slurm.conf" -N "$node"
  done
  if ! wait_for 5 nodes_ready; then  # nodes left down/drained by an earlier life
    for node in $(node_names); do "$DIR/bin/scontrol" update nodename="$node" state=resume 2>/dev/null || true; done
    wait_for 20 nodes_ready || { "$DIR/bin/sinfo" -N -l >&2; tail -5 "$DIR"/log/slurmd.*.log >&2; die "nodes not ready"; }
  fi
  [ "$("$DIR/bin/srun" -N1 -n1 -t1 sh -c 'echo ok')" = ok ] || die "srun does not work"
  say "up in $DIR ($NODES nodes x $CPUS CPUs, accounting: $ACCT); use: eval \"\$($0 env)\""
}

env_() {
  printf 'export SLURM_CONF=%q\n' "$DIR/slurm.conf"
  # shellcheck disable=SC2016
  printf 'case ":$PATH:" in *:%q:*) ;; *) export PATH=%q:"$PATH" ;; esac\n' "$DIR/bin" "$DIR/bin"
}

status() {
  local ok=0 f
  [ -f "$DIR/slurm.conf" ] || { echo "not set up in $DIR"; return 1; }
  check() { if alive "$2" "$1"; then echo "$1 ${3:-} up (pid $(cat "$2"))"; else echo "$1 ${3:-} DOWN"; ok=1; fi; }
  check munged "$DIR/munge/pid"
  if grep -q accounting_storage/slurmdbd "$DIR/slurm.conf"; then
    check mariadbd "$DIR/mysql.run/pid"; check slurmdbd "$DIR/run/slurmdbd.pid"
  fi
  check slurmctld "$DIR/run/slurmctld.pid"
  for f in $(awk -F'[= ]' '/^NodeName=/{print $2}' "$DIR/slurm.conf"); do check slurmd "$DIR/run/slurmd.$f.pid" "$f"; done
  [ $ok = 0 ] && { timeout 10 "$DIR/bin/sinfo" -N; nodes_ready || { echo "nodes not ready"; ok=1; }; }
  return $ok
}

down() {
  [ -f "$DIR/slurm.conf" ] || { say "nothing to stop in $DIR"; return 0; }
  local f node pid
  if alive "$DIR/run/slurmctld.pid" slurmctld; then
    timeout 10 "$DIR/bin/scancel" --user="$(id -un)" 2>/dev/null || true
    no_jobs() { [ -z "$(timeout 5 "$DIR/bin/squeue" -h -t running,pending,completing)" ]; }
    wait_for 15 no_jobs || say "some jobs did not end in 15 s"
  fi
  # Job steps outlive slurmd; end any left, found by their sockets in our spool.
  for f in "$DIR"/spool/*/*_*.*; do
    [ -S "$f" ] || continue
    for pid in $(cd /proc && echo [0-9]*); do
      [ "$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null || true)")" = slurmstepd-wlm ] || continue
      if find "/proc/$pid/fd" -printf '%l\n' 2>/dev/null | grep -qF "$DIR/" || grep -qF "$DIR/" "/proc/$pid/environ" 2>/dev/null; then
        say "ending leftover slurmstepd $pid"; kill -KILL "$pid" 2>/dev/null || true
      fi
    done
    break
  done
  for f in "$DIR"/run/slurmd.*.pid; do [ -e "$f" ] && stop "$f" slurmd; done
  stop "$DIR/run/slurmctld.pid" slurmctld
  stop "$DIR/run/slurmdbd.pid" slurmdbd
  stop "$DIR/mysql.run/pid" mariadbd
  stop "$DIR/munge/pid" munged
  say "down"
}

case ${1:-} in
  up) up ;;
  down) down ;;
  status) status ;;
  env) env_ ;;
  wipe) down; case $DIR in /|/tmp|"$HOME"|"$PWD") die "refusing to delete $DIR" ;; esac; rm -rf -- "$DIR" ;;
  *) sed -n '2,20p' "$0"; exit 2 ;;
esac
