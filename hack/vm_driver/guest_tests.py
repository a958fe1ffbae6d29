"""GoogleTest programs, each on a machine as it is after a boot."""

import fnmatch
import os
import re
import tempfile
import time
from typing import NamedTuple

from . import image, stage
from .machine import Machine

# What other hosts skip, and what limits and ends are on pure cgroup v2.
DEFAULT = ["cgroups_test", "shim_process_group_test", "shim_launch_test",
           "integration_containerizer_limits_test",
           "integration_ended_while_down_test", "integration_kill_test",
           "integration_launch_test", "integration_shim_death_test",
           "vm_*_test"]
TIMEOUT = 3600  # s of the host for a program; the guest has its own
VERDICT = re.compile(r"^\[ *(OK|FAILED|SKIPPED) *\] (\S+\.\S+) \((\d+) ms\)",
                     re.MULTILINE)


class Outcome(NamedTuple):
    program: str
    passed: int
    failed: list
    skipped: int


def run(build, patterns, gtest_filter):
    """The exit code: 0 where every test passed or was skipped."""
    programs = choose(build, patterns or DEFAULT)
    if not programs:
        print(f"no such program in {build}/tests")
        return 1
    made = image.find_or_build()
    with tempfile.TemporaryDirectory(prefix="holdfast-tests-") as directory:
        share = os.path.join(directory, "share.ext4")
        stage.pack(build, share, programs)
        with Machine(made, share=share) as machine:
            stage.bind_build(machine, build)
            machine.check(stage.INSTALL)
            machine.check("systemctl is-system-running --wait")
            machine.save_snapshot(directory)
        outcomes = [_run_program(made, share, directory, build, program,
                                 gtest_filter) for program in programs]
    return _report(outcomes)


def choose(build, patterns):
    """The programs of the build that match, each once."""
    built = sorted(os.listdir(os.path.join(build, "tests")))
    return [name for name in built
            if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
            and os.access(os.path.join(build, "tests", name), os.X_OK)
            and os.path.isfile(os.path.join(build, "tests", name))]


def _run_program(made, share, snapshot, build, program, gtest_filter):
    start = time.monotonic()
    with Machine(made, share=share, snapshot=snapshot) as machine:
        try:
            code, output = machine.run(
                f"cd /tmp && {build}/tests/{program} --gtest_color=no "
                f"--gtest_filter='{gtest_filter}'", TIMEOUT,
                watch=VerdictPrinter())
        except (TimeoutError, OSError) as error:
            code, output = -1, str(error)
    outcome = judge(program, code, output)
    if outcome.failed:
        print(output)
    print(f"{program}: {outcome.passed} passed, {len(outcome.failed)} failed, "
          f"{outcome.skipped} skipped, {time.monotonic() - start:.0f} s",
          flush=True)
    return outcome


class VerdictPrinter:
    """Shows each test's verdict when it is there; some take a minute."""

    def __init__(self):
        self._printed = 0

    def __call__(self, received):
        end = received.rfind(b"\n") + 1
        lines = received[self._printed : end].decode(errors="replace")
        self._printed = max(self._printed, end)
        for match in VERDICT.finditer(lines):
            print(f"  {match.group(0)}", flush=True)


def judge(program, code, output):
    """What the program's lines say. One that died is a failed test, too."""
    of = {"OK": [], "FAILED": [], "SKIPPED": []}
    for verdict, name, _ in VERDICT.findall(output):
        of[verdict].append(name)
    failed = of["FAILED"]
    if code != 0 and not failed:
        failed = [f"{program} ended with {code}"]
    return Outcome(program, len(of["OK"]), failed, len(of["SKIPPED"]))


def _report(outcomes):
    failed = [name for outcome in outcomes for name in outcome.failed]
    passed = sum(outcome.passed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped "
          "on a real machine")
    # Nothing that ran is nothing that was shown.
    return 1 if failed or not passed else 0
