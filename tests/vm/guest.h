#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace holdfast::vm {

// What tests do to a machine of their own, from inside.

// What a line of shell prints. One that fails is a failure of the test.
std::string Sh(const std::string& line);

// systemd's, of a unit.
std::string Property(const std::string& unit, const std::string& name);

// False: not within two minutes.
bool Eventually(const std::function<bool()>& predicate);

// The path below the v2 tree: "/system.slice/…".
std::string CgroupOf(pid_t pid);
// What stands in a file of a cgroup, or that there is none.
std::string GroupFile(const std::string& group, const std::string& name);

}  // namespace holdfast::vm
