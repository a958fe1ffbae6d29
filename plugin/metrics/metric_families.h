#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "plugin/metrics/measure.h"

namespace holdfast {

// The measure as metrics: names holdfast_…, base units, labels that have few
// values. holdfastd(8) lists them.
std::vector<prometheus::MetricFamily> MetricFamilies(const Measure& measure);

}  // namespace holdfast
