#!/bin/bash
# sbatch study/examples/slurm.sh: a Ray cluster inside one SLURM job, and the study on it.
# SLURM sends SIGTERM before it ends the job; the study then stops whole, and the same script,
# submitted again, goes on.
#SBATCH --job-name=study
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@300
set -euo pipefail

name=${STUDY_NAME:-faces-gpu}
faces=${FACES:?set FACES to the folder of faces}
results=${RESULTS:-$SLURM_SUBMIT_DIR/results}
port=6379

# Nobody without the token of this job may use its Ray; srun hands the environment to every node.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
# A job's own TMPDIR is often too long for Ray's sockets.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN RAY_TMPDIR=/tmp

nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
head=${nodes[0]}
head_ip=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')

srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --node-ip-address="$head_ip" --port=$port --block &
sleep 15
if ((${#nodes[@]} > 1)); then
    srun --nodes=$((${#nodes[@]} - 1)) --ntasks=$((${#nodes[@]} - 1)) --exclude="$head" \
        ray start --address="$head_ip:$port" --block &
    sleep 15
fi

if [[ -e $results/$name/study.toml ]]; then
    what=(--resume "$name")
else
    what=(faces-gpu --data "$faces" --name "$name")
fi
python -m study.run "${what[@]}" --out "$results" --storage "$results/checkpoints" \
    --address "$head_ip:$port" --cpus-per-trial 4 --gpus-per-trial 0.25 &
study=$!
trap 'kill -TERM $study; wait $study' TERM
wait $study
