#include "tests/containerd/spec_json.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace holdfast::containerd {
namespace {

// Ours contain nothing else that JSON escapes.
std::string Quoted(const std::string& text) {
  return absl::StrCat(
      "\"",
      absl::StrReplaceAll(text,
                          {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}),
      "\"");
}

std::string QuotedList(const std::vector<std::string>& words) {
  return absl::StrCat("[",
                      absl::StrJoin(words, ",",
                                    [](std::string* out, const auto& word) {
                                      out->append(Quoted(word));
                                    }),
                      "]");
}

std::string AnnotationsJson(const BundleOptions& options) {
  return absl::StrCat(
      "{",
      absl::StrJoin(options.annotations, ",",
                    [](std::string* out, const auto& annotation) {
                      absl::StrAppend(out, Quoted(annotation.first), ":",
                                      Quoted(annotation.second));
                    }),
      "}");
}

std::string MountsJson() {
  return R"([
    {"destination":"/proc","type":"proc","source":"proc"},
    {"destination":"/dev","type":"tmpfs","source":"tmpfs",
     "options":["nosuid","mode=755","size=64k"]},
    {"destination":"/dev/pts","type":"devpts","source":"devpts",
     "options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620"]}
  ])";
}

std::string ResourcesJson(const BundleOptions& options) {
  const std::string memory =
      options.memory_bytes == 0
          ? ""
          : absl::StrCat(R"(,"memory":{"limit":)", options.memory_bytes, "}");
  return absl::StrCat(R"({"devices":[{"allow":false,"access":"rwm"}])", memory,
                      "}");
}

}  // namespace

void MakeRootfs(const std::string& directory) {
  for (const char* name : {"bin", "dev", "proc", "tmp"})
    std::filesystem::create_directories(directory + "/" + name);
  std::filesystem::copy_file("/bin/busybox", directory + "/bin/busybox");
  for (const char* applet : {"sh", "sleep", "cat", "echo", "dd", "stty", "kill",
                             "seq", "true", "head", "ls", "cut", "date"}) {
    std::filesystem::create_symlink("busybox", directory + "/bin/" + applet);
  }
}

std::string ProcessJson(const std::vector<std::string>& args, bool terminal) {
  return absl::StrCat(
      R"({"terminal":)", terminal ? "true" : "false",
      R"(,"user":{"uid":0,"gid":0},"cwd":"/","noNewPrivileges":true,)",
      R"("env":["PATH=/bin","TERM=xterm"],"args":)", QuotedList(args), "}");
}

std::string ConfigJson(const BundleOptions& options) {
  return absl::StrCat(
      R"({"ociVersion":"1.0.2","root":{"path":"rootfs"},"hostname":"box",)",
      R"("process":)", ProcessJson(options.args, options.terminal),
      R"(,"mounts":)", MountsJson(), R"(,"annotations":)",
      AnnotationsJson(options), R"(,"linux":{"cgroupsPath":)",
      Quoted(options.cgroups_path), R"(,"resources":)", ResourcesJson(options),
      R"(,"namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},)",
      R"({"type":"mount"}]}})");
}

}  // namespace holdfast::containerd
