// Numbers that Prometheus reads. Names are pipelined_<what>_<unit>, in base units (seconds); a counter ends in _total.
// What a number is about stands in labels, and never an id of which there may be any number.
//
// Thread-safe. What is added lives as long as its registry.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined::metrics {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double by = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(Micros time) = 0;
};

// Upper bounds in seconds, ascending.
const std::vector<double>& Latencies();  // of what a computer does: 0.5 ms to 10 s
const std::vector<double>& Durations();  // of what people wait for: 0.1 s to a day

class Registry {
 public:
  Registry();
  ~Registry();

  // What is there with the same name and labels, else a new one. `help` and bounds are those of the first one of a
  // name.
  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& AddHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                          const Labels& labels = {});

  std::string Text() const;  // Prometheus' text format, version 0.0.4

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace pipelined::metrics
