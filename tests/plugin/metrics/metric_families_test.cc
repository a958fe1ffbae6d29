#include "plugin/metrics/metric_families.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Text(const Measure& measure) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, MetricFamilies(measure));
  return text.str();
}

Measure SomeMeasure() {
  Measure measure;
  measure.version = "0.1.0";
  measure.recovery_took = absl::Milliseconds(250);
  measure.executors_to_recover = 3;
  measure.executors_recovered = 3;
  measure.outcomes = {{{"REATTACHED", "SHIM_ALIVE"}, 2},
                      {{"UNATTACHED", "NO_ANSWER"}, 1}};
  measure.executors = {{"attached", 2}, {"unattached", 1}};
  measure.unacknowledged_updates = 4;
  measure.oldest_unacknowledged_age = absl::Seconds(90);
  measure.shortest_fence = absl::Minutes(15);
  measure.tally = {
      .launches = 7, .launch_failures = 1, .kills = 2, .acknowledgements = 9};
  return measure;
}

TEST(MetricFamilies, TellEveryNumberInItsUnit) {
  const std::string text = Text(SomeMeasure());

  for (const char* line :
       {"holdfast_recovering 0\n", "holdfast_recovery_seconds 0.25\n",
        "holdfast_recovery_outcomes{decision=\"REATTACHED\","
        "reason=\"SHIM_ALIVE\"} 2\n",
        "holdfast_recovery_outcomes{decision=\"UNATTACHED\","
        "reason=\"NO_ANSWER\"} 1\n",
        "holdfast_executors{state=\"attached\"} 2\n",
        "holdfast_unacknowledged_updates 4\n",
        "holdfast_oldest_unacknowledged_update_age_seconds 90\n",
        "holdfast_shortest_fence_seconds 900\n", "holdfast_launches_total 7\n",
        "holdfast_launch_failures_total 1\n", "holdfast_kills_total 2\n",
        "holdfast_acknowledgements_total 9\n",
        "# TYPE holdfast_launches_total counter\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(MetricFamilies, LeaveOutAFenceThatThereIsNot) {
  Measure measure = SomeMeasure();
  measure.shortest_fence.reset();

  EXPECT_THAT(Text(measure), Not(HasSubstr("holdfast_shortest_fence")));
}

TEST(MetricFamilies, AreNamedOnceEachAndAsOthersExpect) {
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : MetricFamilies(SomeMeasure())) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_EQ(family.name.rfind("holdfast_", 0), 0u) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    const bool is_counter = family.type == prometheus::MetricType::Counter;
    EXPECT_EQ(family.name.ends_with("_total"), is_counter) << family.name;
  }
}

}  // namespace
}  // namespace holdfast
