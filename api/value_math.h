#pragma once

#include "api/types.pb.h"

namespace holdfast {

// Values (api/values.h) as amounts. Any value becomes normal by Normalize; what
// values.h reads is.

// The one message of all that mean the same: scalars of three decimals, ranges
// in order and joined where they touch, sets in order, each item once.
void Normalize(v1::Value* value);

// Adds `more`, of the same kind, to `sum`.
void Add(const v1::Value& more, v1::Value* sum);

// Both normal: whether `larger` has all that `smaller` has: a scalar at least
// as large, ranges and sets that hold the others; a text is equal. False: other
// kinds.
bool Contains(const v1::Value& larger, const v1::Value& smaller);

}  // namespace holdfast
