#include "shim/containerd/runtime_error.h"

#include <gtest/gtest.h>

namespace holdfast::containerd {
namespace {

ChildExit Exit(int code) { return {.code = code, .signal = 0, .at = {}}; }

TEST(RuntimeError, IsTheLastOneOfTheLog) {
  EXPECT_EQ(LastRuntimeError(
                "{\"level\":\"error\",\"msg\":\"first\"}\n"
                "{\"msg\":\"second\",\"level\":\"error\",\"time\":\"x\"}\n"
                "{\"level\":\"warning\",\"msg\":\"a warning\"}\n"),
            "second");
  EXPECT_EQ(LastRuntimeError("{\"level\":\"fatal\",\"msg\":\"the end\"}"),
            "the end");
}

TEST(RuntimeError, IsTheLastPlainLineWhereThereIsNoOther) {
  EXPECT_EQ(LastRuntimeError("one\nlibyajl.so.2: cannot open\n\n"),
            "libyajl.so.2: cannot open");
  EXPECT_EQ(LastRuntimeError("plain\n{\"level\":\"error\",\"msg\":\"why\"}"),
            "why");
  EXPECT_EQ(LastRuntimeError(""), "");
}

TEST(RuntimeError, SurvivesLinesOfAnyShape) {
  for (const char* line :
       {"{", "[]", "{}", "null", "{\"level\":1,\"msg\":2}",
        "{\"level\":\"error\"}", "{\"msg\":\"x\"}", "\"text\"", "\xff\xfe"}) {
    EXPECT_EQ(LastRuntimeError(std::string(line) +
                               "\n{\"level\":\"error\",\"msg\":\"why\"}\n"),
              "why");
  }
}

TEST(RuntimeStatus, SaysHowItEndedWhenTheLogSaysNothing) {
  EXPECT_TRUE(RuntimeStatus("start", "c1", Exit(0), "").ok());
  EXPECT_EQ(RuntimeStatus("start", "c1", Exit(3), ""),
            absl::UnknownError("OCI runtime start failed: exit status 3"));
  EXPECT_EQ(
      RuntimeStatus("start", "c1", {.code = 0, .signal = 9, .at = {}}, ""),
      absl::UnknownError("OCI runtime start failed: killed by signal 9"));
}

TEST(RuntimeStatus, KnowsAProcessThatHasEnded) {
  for (const char* text :
       {"container not running", "os: process already finished",
        "kill container: No such process",
        "unable to signal init: no such "
        "process"}) {
    EXPECT_EQ(RuntimeStatus("kill", "c1", Exit(1), text),
              absl::NotFoundError("process already finished"));
    EXPECT_EQ(RuntimeStatus("pause", "c1", Exit(1), text).code(),
              absl::StatusCode::kUnknown);
  }
}

TEST(RuntimeStatus, KnowsAContainerThatIsNotThere) {
  for (const char* text :
       {"container does not exist", "container `c1` does not exist",
        "error opening file `/run/crun/c1/status`: No such file or directory",
        "cannot open directory '/run/crun/c1': No such file or directory"}) {
    EXPECT_EQ(RuntimeStatus("kill", "c1", Exit(1), text),
              absl::NotFoundError("no such container"));
    EXPECT_EQ(RuntimeStatus("delete", "c1", Exit(1), text).code(),
              absl::StatusCode::kNotFound);
    EXPECT_EQ(RuntimeStatus("start", "c1", Exit(1), text).code(),
              absl::StatusCode::kUnknown);
  }
  EXPECT_EQ(RuntimeStatus("delete", "c1", Exit(1),
                          "open /c1/other: No such file or directory")
                .code(),
            absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace holdfast::containerd
