"""What a machine is given: a build's programs, and Holdfast installed of it.

    /share/bin, /share/tests   of the build; found at their own paths, too
    /share/root                what `cmake --install` puts below /
    /share/containerd          of hack/containerd-peers, where that was run;
                               criu, too, where it was had
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

from . import image
from .disk import pack_directory
from .machine import Machine

# As a package's scripts would do it, without the start.
INSTALL = """
cp -a /share/root/. /
if ldd /usr/bin/holdfast* | grep 'not found'; then exit 1; fi
systemd-sysusers && systemd-tmpfiles --create
systemctl daemon-reload
"""


# Debian's, below build/.
CONTAINERD = {
    "containerd": ["peers/containerd-1.6/usr/bin/containerd"],
    "ctr": ["peers/containerd-1.6/usr/bin/ctr"],
    "containerd-shim-runc-v2": [
        "peers/containerd-1.6/usr/bin/containerd-shim-runc-v2"],
    "containerd.service": [
        "peers/containerd-1.6/lib/systemd/system/containerd.service",
        "peers/containerd-1.6/usr/lib/systemd/system/containerd.service"],
    "runc": ["peers/runc/usr/sbin/runc", "peers/runc/usr/bin/runc"],
}
CRIU = "peers/criu/usr"


def pack(build, disk, tests=()):
    """A disk of the programs of `build`, and of those of its tests."""
    with tempfile.TemporaryDirectory(prefix="holdfast-stage-") as stage:
        programs = {"bin": _programs(os.path.join(build, "bin")),
                    "tests": tests}
        for directory, names in programs.items():
            os.mkdir(os.path.join(stage, directory))
            for name in names:
                _strip(os.path.join(build, directory, name),
                       os.path.join(stage, directory, name))
        subprocess.run(
            ["cmake", "--install", build, "--prefix", "/usr", "--strip"],
            check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "DESTDIR": os.path.join(stage, "root")})
        if tests:
            _pack_containerd(build, os.path.join(stage, "containerd"))
        for unwanted in ("include", "share/man"):
            shutil.rmtree(os.path.join(stage, "root/usr", unwanted),
                          ignore_errors=True)
        pack_directory(stage, disk)


def bind_build(machine, build):
    """Tests know their programs by the paths of their build."""
    machine.check(f"for name in bin tests; do mkdir -p {build}/$name && "
                  f"mount --bind /share/$name {build}/$name; done")


@contextlib.contextmanager
def booted(build):
    """A machine on which Holdfast is installed and serves, if it is built."""
    made = image.find_or_build()
    if not os.path.exists(os.path.join(build, "bin/holdfastd")):
        print(f"nothing is built in {build}: a bare machine", file=sys.stderr)
        with Machine(made) as machine:
            yield machine
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-share-") as directory:
        share = os.path.join(directory, "share.ext4")
        pack(build, share)
        with Machine(made, share=share) as machine:
            bind_build(machine, build)
            machine.check(INSTALL)
            machine.check("systemctl enable --quiet --now holdfastd.service")
            yield machine


def _pack_containerd(build, directory):
    """All of it or nothing; then its test is skipped."""
    choices = {name: [os.path.join(image.ROOT, "build", source)
                      for source in sources]
               for name, sources in CONTAINERD.items()}
    choices["busybox.tar"] = [os.path.join(build,
                                           "tests/containerd/busybox.tar")]
    files = {name: next(filter(os.path.exists, sources), None)
             for name, sources in choices.items()}
    if None in files.values():
        return
    os.mkdir(directory)
    for name, source in files.items():
        shutil.copy(source, os.path.join(directory, name))
    _pack_criu(os.path.join(image.ROOT, "build", CRIU), directory)


def _pack_criu(peer, directory):
    """With what it links; the machine has little of that. Without it, its tests
    are skipped."""
    program = os.path.join(peer, "sbin/criu")
    if not os.path.exists(program):
        return
    libraries = os.path.join(directory, "criu-libraries")
    os.mkdir(libraries)
    linked = subprocess.run(
        ["ldd", program], check=True, text=True, capture_output=True,
        env={**os.environ, "LD_LIBRARY_PATH":
             os.path.join(peer, "lib/x86_64-linux-gnu")}).stdout
    for name, path in re.findall(r"^\t(lib\S+) => (\S+)", linked, re.M):
        if name != "libc.so.6":
            shutil.copy(path, os.path.join(libraries, name))
    shutil.copy(program, os.path.join(libraries, "criu"))
    wrapper = os.path.join(directory, "criu")
    with open(wrapper, "w") as script:
        script.write("#!/bin/sh\nLD_LIBRARY_PATH=/share/containerd/"
                     "criu-libraries exec /share/containerd/criu-libraries/"
                     'criu "$@"\n')
    os.chmod(wrapper, 0o755)


def _programs(directory):
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            yield name


def _strip(source, target):
    """A third of the size; what is no ELF file is copied as it is."""
    if subprocess.run(["strip", "-o", target, source],
                      stderr=subprocess.DEVNULL).returncode != 0:
        shutil.copy(source, target)
