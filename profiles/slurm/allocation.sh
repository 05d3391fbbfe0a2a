#!/usr/bin/env bash
# The whole pipeline inside one allocation: no submission a job, no waiting in the queue between stages.
#     sbatch [--cpus-per-task=32 --mem=128G --account=...] profiles/slurm/allocation.sh [--configfile my.yaml]
#SBATCH --job-name=trex
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=1-00:00:00
#SBATCH --output=slurm-trex-%j.log
#SBATCH --open-mode=append
# Two minutes before the end Snakemake is told to stop. The same command then goes on.
#SBATCH --signal=B:INT@120
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
snakemake=${SNAKEMAKE:-.venv/bin/snakemake}
exec "$snakemake" --cores "$SLURM_CPUS_PER_TASK" --resources mem_mb="$SLURM_MEM_PER_NODE" "$@"
