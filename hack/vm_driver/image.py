"""The machine's image: made once for a recipe, kept until the recipe changes.

    <cache>/<hash of the recipe>/{vmlinuz,initrd,root.ext4}

The cache is $HOLDFAST_VM_CACHE, or the user's own: a fresh clone finds the image
of another."""

import fcntl
import hashlib
import os
import shutil
import subprocess

DRIVER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(DRIVER))
PROGRAMS = ["qemu-system-x86_64", "mmdebstrap", "mke2fs", "busybox", "cpio",
            "depmod"]


class Unavailable(Exception):
    """This host cannot have such a machine; the text says why."""


def cache_directory():
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("HOLDFAST_VM_CACHE",
                          os.path.join(caches, "holdfast-vm"))


only_made = False  # an image that is not there yet is Unavailable


def find_or_build(log=print):
    """The directory of the image. Unavailable: it cannot be made here."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [p for p in PROGRAMS if not shutil.which(p, path=path)]
    if missing:
        raise Unavailable(f"missing {', '.join(missing)}: hack/setup --vm")
    cache = cache_directory()
    os.makedirs(cache, exist_ok=True)
    # Not twice at once; the other one's is ours as well.
    with open(os.path.join(cache, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        image = os.path.join(cache, _recipe_hash())
        if not os.path.isdir(image):
            if only_made:
                raise Unavailable("the image is not made yet: hack/vm image")
            if os.geteuid() != 0:
                raise Unavailable("the image is not made yet, which needs root")
            log(f"making the machine's image in {image}, once")
            _build(image)
        return image


def _recipe_hash():
    digest = hashlib.sha256()
    files = [os.path.join(DRIVER, "build-image"),
             os.path.join(DRIVER, "fetch-kernel")]
    guest = os.path.join(DRIVER, "guest")
    files += [os.path.join(guest, name) for name in sorted(os.listdir(guest))]
    for name in files:
        with open(name, "rb") as recipe:
            digest.update(recipe.read())
    return digest.hexdigest()[:12]


def _build(image):
    making = image + ".making"
    shutil.rmtree(making, ignore_errors=True)
    made = subprocess.run([os.path.join(DRIVER, "build-image"), making],
                          stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        raise Unavailable("the image cannot be made (a Debian mirror is "
                          f"needed):\n{made.stdout[-2000:]}")
    os.rename(making, image)
