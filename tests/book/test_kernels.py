"""Kernels of a book are forked from a process that has imported what most pages import."""

import json
import sys

import pytest

from rin.report.build import Console, run_jobs
from rin.report.execution import Job

BODY = """\
# %%
import os, sys
before = "rin.study" in sys.modules
from ipykernel.kernelapp import IPKernelApp
from matplotlib import pyplot as plt
ends_with = IPKernelApp.instance().parent_handle == os.getppid()
frameworks = {"tensorflow", "keras", "jax"} & {*sys.modules}
print(before, ends_with, frameworks, os.getppid(), os.getpid() == os.getpgrp())

# %%
plt.plot([1, 2]);
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each kernel starts anew")
def test_kernels_share_imports_but_no_framework_and_end_with_their_server(tmp_path, capfd):
    jobs = []
    for name in ("first", "second"):
        source = tmp_path / f"{name}.py"
        source.write_text(BODY)
        jobs.append(Job(source, tmp_path / f"{name}.ipynb", name=name))
    run_jobs(jobs, Console("Book"), cores=1)
    servers = set()
    for job in jobs:
        code = json.loads(job.output.read_text())["cells"]
        *said, server, leads = "".join(code[0]["outputs"][0]["text"]).split()
        assert (said, leads) == (["True", "True", "set()"], "True")
        servers.add(server)
        assert any("image/png" in out.get("data", {}) for out in code[1]["outputs"])
        assert 0 < job.recorded()["processor"] < 60
    assert len(servers) == 1
    out, err = capfd.readouterr()
    assert (len(out.splitlines()), err) == (3, "")
