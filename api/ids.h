#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast {

// Ids become path components: 1 to 242 characters (what Mesos leaves of
// NAME_MAX), no "/", no control character, neither "." nor "..".
// InvalidArgument names `what` ("task_id"), the id and the rule.
absl::Status ValidateId(absl::string_view what, absl::string_view id);

}  // namespace holdfast
