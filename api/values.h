#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/types.pb.h"

namespace holdfast {

// Resources and attributes as Mesos writes them:
//   value      8 or 0.5 | [1-2,31000-32000] | {a,b} | text
//   resources  name:value;name(role):value;…   never text; the role is "*"
//              where none is given
//   attributes name:value;…
// Scalars have three decimals. Ranges are sorted and joined, sets sorted and
// without repetition, so that equal values are equal messages. Blanks around
// each part are dropped. InvalidArgument names the part and what is wrong.

absl::StatusOr<v1::Value> ParseValue(absl::string_view text);

// Into `info`, whose former ones are replaced. Several of one name and role
// are added up. Also Mesos' JSON, an array of
//   {"name":"cpus","type":"SCALAR","scalar":{"value":8},"role":"*"}
//   … "ranges":{"range":[{"begin":1,"end":2}]} … "set":{"item":["a"]} …
// of which reservations count as their role, and nothing else is read.
absl::Status ParseResources(absl::string_view text, v1::AgentInfo* info);

// Likewise; a name may stand once.
absl::Status ParseAttributes(absl::string_view text, v1::AgentInfo* info);

std::string FormatValue(const v1::Value& value);
// "cpus", "cpus(role)".
std::string ResourceKey(const v1::AgentResource& resource);
std::string FormatResources(const v1::AgentInfo& info);
std::string FormatAttributes(const v1::AgentInfo& info);

}  // namespace holdfast
