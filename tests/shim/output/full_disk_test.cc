#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include <string>

#include "gmock/gmock.h"
#include "tests/shim/output/output_harness.h"

namespace holdfast::shim {
namespace {

using ::testing::StartsWith;

// A disk of a megabyte, seen by this process alone.
class FullDisk : public OutputTest {
 protected:
  void SetUp() override {
    OutputTest::SetUp();
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=1m") != 0) {
      GTEST_SKIP() << "cannot mount a tmpfs: " << strerror(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    log_.reset();
    EXPECT_TRUE(!mounted_ || umount(directory_.c_str()) == 0);
    OutputTest::TearDown();
  }

  std::string FillerPath() const { return absl::StrCat(directory_, "/filler"); }

  // Leaves room for `bytes` and no more.
  void Fill(off_t bytes) {
    const UniqueFd fd(open(FillerPath().c_str(), O_WRONLY | O_CREAT, 0600));
    ASSERT_EQ(posix_fallocate(fd.get(), 0, (1 << 20) - bytes), 0);
  }
  void MakeRoom() { ASSERT_EQ(unlink(FillerPath().c_str()), 0); }

 private:
  bool mounted_ = false;
};

TEST_F(FullDisk, LosesWhatItRefusesAndSaysSoLater) {
  Open();
  Fill(8192);

  Write(std::string(100'000, 'x'));

  const uint64_t lost = log_->lost_bytes();
  EXPECT_EQ(log_->written_bytes(), 8192u);
  EXPECT_EQ(lost, 100'000u - 8192);
  EXPECT_EQ(InThePipe(), 0) << "the task must not be blocked";

  MakeRoom();
  Write("after\n");

  const std::string note = absl::StrCat("[holdfast: ", lost,
                                        " bytes of output lost: "
                                        "No space left on device]\n");
  EXPECT_EQ(Read(0), absl::StrCat(std::string(8192, 'x'), note, "after\n"));
  EXPECT_EQ(log_->lost_bytes(), lost);
}

TEST_F(FullDisk, IsNotedAtTheEndWhenNothingCameAfter) {
  Open();
  Fill(0);
  Write("nothing of this is kept");
  EXPECT_EQ(Read(0), "");
  MakeRoom();

  const absl::Status finished = log_->Drain();

  EXPECT_TRUE(absl::IsResourceExhausted(finished)) << finished;
  EXPECT_THAT(std::string(finished.message()), StartsWith("write "));
  EXPECT_EQ(Read(0),
            "[holdfast: 23 bytes of output lost: No space left on device]\n");
}

TEST_F(FullDisk, IsWaitedOutWithoutABusyLoop) {
  Open();
  Fill(0);
  Write(std::string(10'000, 'x'));

  bool woken_by_timer = false;
  loop_->After(absl::Milliseconds(1), [&] { woken_by_timer = true; });
  loop_->RunOnce(absl::Seconds(10));  // returns at the first event there is

  EXPECT_TRUE(woken_by_timer);
  EXPECT_EQ(log_->lost_bytes(), 10'000u);
}

TEST_F(FullDisk, LosesNothingWhereRotationFreesTheSpace) {
  Open({.max_file_bytes = 252 << 10, .max_files = 4});  // five do not fit
  const std::string stream = Stream(3'000'000);

  Write(stream);

  EXPECT_EQ(log_->lost_bytes(), 0u);
  EXPECT_TRUE(ReadAll() == stream.substr(stream.size() - ReadAll().size()));
}

TEST_F(FullDisk, SplitsNoNoteBetweenFiles) {
  Open({.max_file_bytes = 4096 + 30, .max_files = 4});
  Fill(4096);
  Write(std::string(5000, 'x'));
  MakeRoom();

  Write("after\n");

  EXPECT_EQ(Read(1), std::string(4096, 'x')) << "30 bytes do for no note";
  EXPECT_EQ(Read(0),
            "[holdfast: 904 bytes of output lost: No space left on device]\n"
            "after\n");
}

}  // namespace
}  // namespace holdfast::shim
