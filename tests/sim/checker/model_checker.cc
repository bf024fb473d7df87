// Plays random histories through the real scheduler and engine and checks what must hold whatever happens. A history
// that breaks a promise is shrunk and printed as a test.
//
//   model_checker [--histories N] [--seed S]     history i has the seed S + i; without --seed a new one each time
//
// Exit code 0: everything held and every feature was met; 1: not so; 2: wrong usage.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <random>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "sim/checker/generator.h"
#include "sim/checker/printer.h"
#include "sim/checker/shrinker.h"

namespace pipelined::sim {
namespace {

constexpr std::uint64_t kEnoughForAll = 20'000;  // so many histories meet every feature

struct Options {
  std::uint64_t seed = 0;
  std::uint64_t histories = kEnoughForAll;
};

std::uint64_t under_way = 0;  // the seed of the history that is played

// An assertion of the library under test ends the process: at least its history can be found again.
extern "C" void SaySeed(int signal) {
  std::array<char, 64> text{"\naborted in the history --histories 1 --seed "};
  const auto end = std::to_chars(text.data() + 45, text.data() + text.size() - 1, under_way).ptr;
  *end = '\n';
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, text.data(), static_cast<std::size_t>(end + 1 - text.data()));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int Report(std::uint64_t seed, const Played& played) {
  fmt::print("history {} breaks {}: {}\n", seed, played.fault->invariant, played.fault->text);
  fmt::print("again: model_checker --histories 1 --seed {}\n", seed);
  const auto again = Play(played.history);
  if (!again || again->invariant != played.fault->invariant) {
    fmt::print("played again it does not: something in it is not decided by the history alone\n{}",
               ToTest(played.history, fmt::format("Seed{}", seed)));
    return 1;
  }
  const History small = Shrink(played.history, *played.fault);
  const auto fault = Play(small);
  fmt::print("shrunk from {} steps to {}: {}: {}\n\n{}", played.history.steps.size(), small.steps.size(),
             fault->invariant, fault->text, ToTest(small, fmt::format("Seed{}", seed)));
  return 1;
}

int Run(const Options& options) {
  fmt::print("{} histories from seed {}\n", options.histories, options.seed);
  std::fflush(stdout);
  const Micros start = SystemClock().Monotonic();
  Coverage coverage;
  for (std::uint64_t i = 0; i < options.histories; ++i) {
    under_way = options.seed + i;
    if (const Played played = PlayRandom(under_way, &coverage); played.fault) return Report(under_way, played);
  }
  const double seconds = static_cast<double>((SystemClock().Monotonic() - start).count()) / 1e6;
  fmt::print("{}all held; {:.0f} histories/s\n", coverage.Report(), static_cast<double>(options.histories) / seconds);
  const auto missing = coverage.Missing();
  if (options.histories < kEnoughForAll || missing.empty()) return 0;
  for (const std::string_view name : missing) fmt::print("never met: {}\n", name);
  return 1;
}

bool Read(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

int Main(int argc, char** argv) {
  Options options;
  options.seed = std::random_device()();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name(argv[i]);
    std::uint64_t* number = nullptr;
    if (name == "--seed") number = &options.seed;
    if (name == "--histories") number = &options.histories;
    if (number == nullptr || i + 1 >= argc || !Read(argv[i + 1], *number)) {
      fmt::print(stderr, "usage: model_checker [--histories N] [--seed S]\n");
      return 2;
    }
  }
  log::SetLevel(std::getenv("PIPELINED_SIM_LOG") != nullptr ? log::Level::kDebug : log::Level::kOff);
  std::signal(SIGABRT, SaySeed);
  std::signal(SIGSEGV, SaySeed);
  return Run(options);
}

}  // namespace
}  // namespace pipelined::sim

int main(int argc, char** argv) {
  return pipelined::sim::Main(argc, argv);
}
