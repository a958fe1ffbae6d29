#include "shim/executor/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace holdfast::shim {
namespace {

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

constexpr uint64_t kRootMayKeep =
    Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FSETID) | Bit(CAP_FOWNER) |
    Bit(CAP_MKNOD) | Bit(CAP_NET_RAW) | Bit(CAP_SETGID) | Bit(CAP_SETUID) |
    Bit(CAP_SETFCAP) | Bit(CAP_SETPCAP) | Bit(CAP_NET_BIND_SERVICE) |
    Bit(CAP_SYS_CHROOT) | Bit(CAP_KILL) | Bit(CAP_AUDIT_WRITE);

constexpr uint64_t Allowed(bool root) { return root ? kRootMayKeep : 0; }

}  // namespace

int CutBoundingSet(bool root) {
  for (int capability = 0; capability < 64; ++capability) {
    if ((Allowed(root) & Bit(capability)) != 0) continue;
    const int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0) return 0;  // the kernel knows no more
    if (held == 0 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    // Without CAP_SETPCAP the set stays; no_new_privs sees to it that no exec
    // gains from it what CutCapabilities took.
    return errno == EPERM ? 0 : errno;
  }
  return 0;
}

int CutCapabilities(bool root) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return errno;
  for (int half = 0; half < 2; ++half) {
    const uint32_t allowed = static_cast<uint32_t>(Allowed(root) >> 32 * half);
    sets[half].permitted &= allowed;
    sets[half].effective = sets[half].permitted;
    sets[half].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, sets) != 0) return errno;
  // Kernels before 4.3 have no ambient set to clear.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 &&
      errno != EINVAL) {
    return errno;
  }
  return 0;
}

}  // namespace holdfast::shim
