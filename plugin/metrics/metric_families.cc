#include "plugin/metrics/metric_families.h"

#include <string>
#include <utility>

namespace holdfast {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void Gauge(const char* name, const char* help, double value,
             Labels labels = {}) {
    Sample(name, help, MetricType::Gauge, std::move(labels)).gauge.value =
        value;
  }
  void Counter(const char* name, const char* help, uint64_t value) {
    Sample(name, help, MetricType::Counter, {}).counter.value =
        static_cast<double>(value);
  }

  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  // Samples of one name follow each other.
  ClientMetric& Sample(const char* name, const char* help, MetricType type,
                       Labels labels) {
    if (families_.empty() || families_.back().name != name) {
      families_.push_back({name, help, type, {}});
    }
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<MetricFamily> families_;
};

void AddRecovery(const Measure& measure, Families& families) {
  families.Gauge("holdfast_recovering", "1 until every executor is decided on.",
                 measure.recovering ? 1 : 0);
  families.Gauge("holdfast_recovery_seconds",
                 "How long the recovery of this start took; so far, while it "
                 "goes on.",
                 absl::ToDoubleSeconds(measure.recovery_took));
  families.Gauge("holdfast_recovery_executors",
                 "How many executors there were to recover.",
                 measure.executors_to_recover);
  families.Gauge("holdfast_recovery_executors_decided",
                 "How many of them are decided on.",
                 measure.executors_recovered);
  for (const auto& [outcome, count] : measure.outcomes) {
    families.Gauge("holdfast_recovery_outcomes",
                   "Executors by what the recovery of this start decided, and "
                   "why.",
                   count,
                   {{"decision", outcome.first}, {"reason", outcome.second}});
  }
}

void AddState(const Measure& measure, Families& families) {
  families.Gauge("holdfast_build_info", "1; the label says the version.", 1,
                 {{"version", measure.version}});
  families.Gauge("holdfast_metrics_stale",
                 "1 when the agent was too busy to be measured: these are "
                 "former figures.",
                 measure.stale ? 1 : 0);
  for (const auto& [state, count] : measure.executors) {
    families.Gauge("holdfast_executors", "Executors by their state here.",
                   count, {{"state", state}});
  }
  families.Gauge("holdfast_frameworks", "Registered frameworks.",
                 static_cast<double>(measure.frameworks));
  families.Gauge("holdfast_unacknowledged_updates",
                 "Status updates that no orchestrator has acknowledged yet.",
                 static_cast<double>(measure.unacknowledged_updates));
  families.Gauge("holdfast_oldest_unacknowledged_update_age_seconds",
                 "The age of the oldest of them; 0 without one.",
                 absl::ToDoubleSeconds(measure.oldest_unacknowledged_age));
  families.Gauge("holdfast_quarantined",
                 "What is set aside in the quarantine because it is damaged.",
                 measure.quarantined);
  families.Gauge("holdfast_orphans",
                 "Cgroups below ours with processes and without a journal.",
                 measure.orphans);
  if (measure.shortest_fence) {
    families.Gauge("holdfast_shortest_fence_seconds",
                   "The shortest time that an attached executor would live if "
                   "the agent were lost now.",
                   absl::ToDoubleSeconds(*measure.shortest_fence));
  }
}

void AddTally(const Tally& tally, Families& families) {
  families.Counter("holdfast_launches_total",
                   "Task launches that were begun since the start.",
                   tally.launches);
  families.Counter("holdfast_launch_failures_total",
                   "Those of them that did not succeed.",
                   tally.launch_failures);
  families.Counter("holdfast_kills_total",
                   "Kills of tasks that were asked for and taken on.",
                   tally.kills);
  families.Counter("holdfast_acknowledgements_total",
                   "Acknowledgements that were stored.",
                   tally.acknowledgements);
}

}  // namespace

std::vector<MetricFamily> MetricFamilies(const Measure& measure) {
  Families families;
  AddState(measure, families);
  AddRecovery(measure, families);
  AddTally(measure.tally, families);
  return families.Take();
}

}  // namespace holdfast
