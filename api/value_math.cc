#include "api/value_math.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace holdfast {
namespace {

void NormalizeRanges(v1::Value::Ranges* ranges) {
  std::sort(ranges->mutable_ranges()->begin(), ranges->mutable_ranges()->end(),
            [](const v1::Value::Range& a, const v1::Value::Range& b) {
              return a.begin() < b.begin();
            });
  v1::Value::Ranges joined;
  for (const v1::Value::Range& range : ranges->ranges()) {
    v1::Value::Range* const last =
        joined.ranges().empty()
            ? nullptr
            : joined.mutable_ranges(joined.ranges_size() - 1);
    // Not end + 1: the largest number has none after it.
    if (last != nullptr &&
        (range.begin() <= last->end() || range.begin() - 1 == last->end())) {
      last->set_end(std::max(last->end(), range.end()));
    } else {
      *joined.add_ranges() = range;
    }
  }
  *ranges = joined;
}

void NormalizeSet(v1::Value::Set* set) {
  std::vector<std::string> items(set->items().begin(), set->items().end());
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  set->mutable_items()->Assign(items.begin(), items.end());
}

// Both normalized: each smaller range lies within one of the larger.
bool RangesContain(const v1::Value::Ranges& larger,
                   const v1::Value::Ranges& smaller) {
  return std::all_of(smaller.ranges().begin(), smaller.ranges().end(),
                     [&larger](const v1::Value::Range& range) {
                       return std::any_of(
                           larger.ranges().begin(), larger.ranges().end(),
                           [&range](const v1::Value::Range& around) {
                             return around.begin() <= range.begin() &&
                                    range.end() <= around.end();
                           });
                     });
}

}  // namespace

void Normalize(v1::Value* value) {
  switch (value->value_case()) {
    case v1::Value::kScalar:
      value->set_scalar(std::round(value->scalar() * 1000) / 1000);
      break;
    case v1::Value::kRanges:
      NormalizeRanges(value->mutable_ranges());
      break;
    case v1::Value::kSet:
      NormalizeSet(value->mutable_set());
      break;
    case v1::Value::kText:
    case v1::Value::VALUE_NOT_SET:
      break;
  }
}

void Add(const v1::Value& more, v1::Value* sum) {
  if (more.has_scalar()) {
    sum->set_scalar(sum->scalar() + more.scalar());
  } else {
    sum->MergeFrom(more);  // repeated fields are appended
  }
  Normalize(sum);
}

bool Contains(const v1::Value& larger, const v1::Value& smaller) {
  if (larger.value_case() != smaller.value_case()) return false;
  switch (larger.value_case()) {
    case v1::Value::kScalar:
      return larger.scalar() >= smaller.scalar();
    case v1::Value::kRanges:
      return RangesContain(larger.ranges(), smaller.ranges());
    case v1::Value::kSet:
      return std::includes(
          larger.set().items().begin(), larger.set().items().end(),
          smaller.set().items().begin(), smaller.set().items().end());
    case v1::Value::kText:
      return larger.text() == smaller.text();
    case v1::Value::VALUE_NOT_SET:
      return true;
  }
  return false;
}

}  // namespace holdfast
