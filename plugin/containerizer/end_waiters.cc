#include "plugin/containerizer/end_waiters.h"

namespace holdfast {
namespace {

absl::Status Gone() { return absl::CancelledError("the client has gone"); }

}  // namespace

void EndWaiters::Add(Key key, std::shared_ptr<Caller> caller, Reply reply) {
  if (caller->gone) return reply(Gone());
  if (!closed_.ok()) return reply(closed_);
  waiting_.emplace(std::move(key),
                   Waiting{std::move(caller), std::move(reply)});
}

void EndWaiters::Answer(const Key& key,
                        const absl::StatusOr<v1::ContainerTermination>& end) {
  const auto [first, last] = waiting_.equal_range(key);
  std::vector<Reply> replies;
  for (auto one = first; one != last; ++one) {
    replies.push_back(std::move(one->second.reply));
  }
  waiting_.erase(first, last);
  for (const Reply& reply : replies) reply(end);
}

void EndWaiters::Close(absl::Status why) {
  closed_ = std::move(why);
  while (!waiting_.empty()) Answer(Key(waiting_.begin()->first), closed_);
}

void EndWaiters::Drop(const std::shared_ptr<Caller>& caller) {
  caller->gone = true;
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
    if (one->second.caller != caller) continue;
    const Reply reply = std::move(one->second.reply);
    waiting_.erase(one);
    return reply(Gone());
  }
}

}  // namespace holdfast
