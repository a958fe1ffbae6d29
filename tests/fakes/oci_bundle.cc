#include "tests/fakes/oci_bundle.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace holdfast {
namespace {

constexpr char kBusybox[] = "/bin/busybox";
constexpr char kCgroups[] = "/sys/fs/cgroup";

std::string Quoted(absl::string_view text) {
  return absl::StrCat(
      "\"",
      absl::StrReplaceAll(text,
                          {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}),
      "\"");
}

std::string Strings(const std::vector<std::string>& strings) {
  return absl::StrCat(
      "[",
      absl::StrJoin(strings, ",",
                    [](std::string* out, const std::string& string) {
                      out->append(Quoted(string));
                    }),
      "]");
}

std::string Annotations(const std::map<std::string, std::string>& annotations) {
  return absl::StrCat(
      "{",
      absl::StrJoin(annotations, ",",
                    [](std::string* out, const auto& annotation) {
                      absl::StrAppend(out, Quoted(annotation.first), ":",
                                      Quoted(annotation.second));
                    }),
      "}");
}

std::string Process(const std::vector<std::string>& args,
                    const std::vector<std::string>& env, bool terminal) {
  constexpr char kCapabilities[] = R"(["CAP_KILL","CAP_SETUID","CAP_SETGID"])";
  return absl::StrCat(
      R"({"terminal":)", terminal ? "true" : "false",
      R"(,"user":{"uid":0,"gid":0},"cwd":"/","noNewPrivileges":true,"args":)",
      Strings(args), R"(,"env":)", Strings(env),
      R"(,"capabilities":{"bounding":)", kCapabilities, R"(,"effective":)",
      kCapabilities, R"(,"permitted":)", kCapabilities, "}}");
}

void Must(bool ok) {
  if (!ok) abort();
}

void WriteFile(const std::string& path, absl::string_view content) {
  const UniqueFd file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  Must(write(file.get(), content.data(), content.size()) ==
       static_cast<ssize_t>(content.size()));
}

// All hierarchies' mounts, whatever they are called.
std::vector<std::string> Hierarchies() {
  std::vector<std::string> found = {kCgroups};
  for (const std::string& name :
       SystemFiles().List(kCgroups).value_or(std::vector<std::string>())) {
    found.push_back(absl::StrCat(kCgroups, "/", name));
  }
  return found;
}

// Groups are removed from the deepest up; their files are the kernel's.
void RemoveGroup(const std::string& group) {
  for (const std::string& name :
       SystemFiles().List(group).value_or(std::vector<std::string>())) {
    struct stat status;
    const std::string path = absl::StrCat(group, "/", name);
    if (lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      RemoveGroup(path);
    }
  }
  rmdir(group.c_str());
}

}  // namespace

std::string OciProcess(const std::vector<std::string>& args, bool terminal) {
  return Process(args, {"PATH=/bin"}, terminal);
}

std::string OciConfig(const OciBundleOptions& options) {
  const std::string memory =
      options.memory_limit_bytes == 0
          ? ""
          : absl::StrCat(R"("memory":{"limit":)", options.memory_limit_bytes,
                         R"(,"swap":)", options.memory_limit_bytes, "},");
  return absl::StrCat(
      R"({"ociVersion":"1.0.2","process":)",
      Process(options.args, options.env, options.terminal),
      R"(,"root":{"path":"rootfs"},"hostname":"test","annotations":)",
      Annotations(options.annotations),
      R"(,"mounts":[{"destination":"/proc","type":"proc","source":"proc"},)",
      R"({"destination":"/dev","type":"tmpfs","source":"tmpfs",)",
      R"("options":["nosuid","mode=755"]},{"destination":"/dev/pts",)",
      R"("type":"devpts","source":"devpts","options":["newinstance",)",
      R"("ptmxmode=0666","mode=0620"]}],"linux":{"cgroupsPath":)",
      Quoted(options.cgroups_path), R"(,"resources":{)", memory,
      R"("devices":[{"allow":true,"access":"rwm"}]},"namespaces":[)",
      options.own_pid_namespace ? R"({"type":"pid"},)" : "",
      options.own_network ? R"({"type":"network"},)" : "",
      R"({"type":"ipc"},{"type":"uts"},{"type":"mount"}]}})");
}

void MakeBusyboxRootfs(const std::string& directory) {
  for (const char* name : {"", "/bin", "/proc", "/dev", "/sys", "/tmp"}) {
    const std::string path = absl::StrCat(directory, name);
    Must(mkdir(path.c_str(), 0755) == 0 || errno == EEXIST);
  }
  const std::string copy = absl::StrCat(directory, kBusybox);
  if (link(kBusybox, copy.c_str()) != 0) {  // another filesystem
    const UniqueFd from(open(kBusybox, O_RDONLY | O_CLOEXEC));
    const UniqueFd to(open(copy.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    struct stat status;
    Must(fstat(from.get(), &status) == 0);
    Must(sendfile(to.get(), from.get(), nullptr,
                  static_cast<size_t>(status.st_size)) == status.st_size);
  }
  for (const char* applet :
       {"sh", "sleep", "cat", "echo",  "true", "false", "ls",
        "ps", "kill",  "dd",  "tail",  "seq",  "stty",  "tty",
        "wc", "head",  "yes", "touch", "id",   "cut",   "date"}) {
    const std::string path = absl::StrCat(directory, "/bin/", applet);
    Must(symlink("busybox", path.c_str()) == 0 || errno == EEXIST);
  }
}

OciBundle::OciBundle(const OciBundleOptions& options)
    : cgroups_path_(options.cgroups_path) {
  if (cgroups_path_.empty()) {
    cgroups_path_ = path().substr(path().rfind('/'));
  }
  OciBundleOptions config = options;
  config.cgroups_path = cgroups_path_;
  if (options.with_rootfs) {
    MakeBusyboxRootfs(rootfs());
  } else {
    Must(mkdir(rootfs().c_str(), 0755) == 0);
  }
  WriteFile(directory_ / "config.json", OciConfig(config));
}

OciBundle::~OciBundle() {
  for (const std::string& group : Cgroups()) RemoveGroup(group);
}

std::vector<std::string> OciBundle::Cgroups() const {
  std::vector<std::string> found;
  for (const std::string& hierarchy : Hierarchies()) {
    std::string group = absl::StrCat(hierarchy, cgroups_path_);
    struct statfs status;  // crun also makes directories where no group can be
    if (statfs(group.c_str(), &status) == 0 &&
        (status.f_type == CGROUP_SUPER_MAGIC ||
         status.f_type == CGROUP2_SUPER_MAGIC)) {
      found.push_back(std::move(group));
    }
  }
  return found;
}

}  // namespace holdfast
