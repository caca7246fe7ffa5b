import subprocess
from pathlib import Path

import pytest
import yaml

import study

EXAMPLES = Path(study.__file__).parent / "examples"


def test_ray_accepts_the_example_cluster():
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((EXAMPLES / "cluster.yaml").read_text())
    validate_config(prepare_config(config))


def test_the_slurm_script_uses_flags_that_the_command_has():
    from study.run import parser

    text = (EXAMPLES / "slurm.sh").read_text()
    subprocess.run(["bash", "-n", EXAMPLES / "slurm.sh"], check=True)
    known = parser().format_help()
    command = text[text.index("python -m study.run") : text.index("study=$!")]
    flags = [word for word in command.split() if word.startswith("--")]
    assert len(flags) == 5
    assert all(flag in known for flag in flags)


@pytest.mark.parametrize("name", ["cluster.yaml", "slurm.sh"])
def test_every_ray_of_the_examples_is_started_with_a_token(name):
    lines = (EXAMPLES / name).read_text().splitlines()
    starts = [n for n, line in enumerate(lines) if " ray start" in line or "/ray start" in line]
    assert len(starts) == 2
    exported = [n for n, line in enumerate(lines) if "export RAY_AUTH_MODE=token RAY_AUTH" in line]
    for n in starts:
        assert "RAY_AUTH_MODE=token " in lines[n] or exported[0] < n
