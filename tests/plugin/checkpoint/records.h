#pragma once

#include <memory>
#include <string>

#include "api/records.pb.h"
#include "plugin/checkpoint/agent_store.h"

namespace holdfast {

inline const Layout kLayout = {.work_dir = "/w", .runtime_dir = "/r"};

inline v1::AgentRecord AnAgent(const std::string& boot_id) {
  v1::AgentRecord record;
  record.mutable_agent()->set_agent_id("a-1");
  record.set_boot_id(boot_id);
  return record;
}

inline v1::FrameworkRecord AFramework(const std::string& id,
                                      const std::string& name) {
  v1::FrameworkRecord record;
  record.mutable_framework()->set_framework_id(id);
  record.mutable_framework()->set_name(name);
  return record;
}

}  // namespace holdfast
