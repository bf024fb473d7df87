#include "pipelined/metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>

namespace pipelined::metrics {
namespace {

class TheirCounter final : public Counter {
 public:
  explicit TheirCounter(prometheus::Counter& their) : their_(their) {}
  void Add(double by) override { their_.Increment(by); }

 private:
  prometheus::Counter& their_;
};

class TheirGauge final : public Gauge {
 public:
  explicit TheirGauge(prometheus::Gauge& their) : their_(their) {}
  void Set(double value) override { their_.Set(value); }

 private:
  prometheus::Gauge& their_;
};

class TheirHistogram final : public Histogram {
 public:
  explicit TheirHistogram(prometheus::Histogram& their) : their_(their) {}
  void Observe(Micros time) override { their_.Observe(static_cast<double>(time.count()) / 1e6); }

 private:
  prometheus::Histogram& their_;
};

}  // namespace

struct Registry::Impl {
  using Key = std::pair<std::string, Labels>;

  // What of one kind there is already, else what `make` makes of their registry's family of that name.
  template <class Ours, class Make>
  Ours& Find(std::map<Key, std::unique_ptr<Ours>>& known, const std::string& name, const Labels& labels, Make make) {
    const std::scoped_lock lock(mutex);
    std::unique_ptr<Ours>& entry = known[{name, labels}];
    if (entry == nullptr) entry = make();
    return *entry;
  }

  std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::map<Key, std::unique_ptr<Counter>> counters;
  std::map<Key, std::unique_ptr<Gauge>> gauges;
  std::map<Key, std::unique_ptr<Histogram>> histograms;
};

const std::vector<double>& Latencies() {
  static const std::vector<double> kBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                           0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  return kBounds;
}

const std::vector<double>& Durations() {
  static const std::vector<double> kBounds{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14'400, 86'400};
  return kBounds;
}

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::AddCounter(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->Find(impl_->counters, name, labels, [&] {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<TheirCounter>(family.Add(labels));
  });
}

Gauge& Registry::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->Find(impl_->gauges, name, labels, [&] {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<TheirGauge>(family.Add(labels));
  });
}

Histogram& Registry::AddHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                                  const Labels& labels) {
  return impl_->Find(impl_->histograms, name, labels, [&] {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
    return std::make_unique<TheirHistogram>(family.Add(labels, bounds));
  });
}

std::string Registry::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace pipelined::metrics
