#include "plugin/metrics/metrics_server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "plugin/metrics/metric_families.h"

namespace holdfast {

class MetricsServer::Source : public prometheus::Collectable {
 public:
  explicit Source(Measurer measurer) : measurer_(std::move(measurer)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    MutexLock lock(mutex_);
    return MetricFamilies(measurer_());
  }

 private:
  mutable Mutex mutex_;
  const Measurer measurer_;
};

struct MetricsServer::Server {
  explicit Server(const std::string& address) : exposer(address) {}
  prometheus::Exposer exposer;
};

MetricsServer::MetricsServer() = default;
MetricsServer::~MetricsServer() = default;

int MetricsServer::port() const {
  return server_->exposer.GetListeningPorts().front();
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const std::string& address, Measurer measurer) {
  std::unique_ptr<MetricsServer> server(new MetricsServer());
  server->source_ = std::make_shared<Source>(std::move(measurer));
  try {  // the library says so by exceptions
    server->server_ = std::make_unique<Server>(address);
    server->server_->exposer.RegisterCollectable(server->source_, "/metrics");
  } catch (const std::exception& error) {
    return absl::FailedPreconditionError(
        absl::StrCat("--metrics_address ", address,
                     ": it cannot be listened on: ", error.what()));
  }
  return server;
}

}  // namespace holdfast
