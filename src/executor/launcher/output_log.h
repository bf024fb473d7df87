// The log of one attempt. Its file and folders are made at the first byte. Past the cap only the last 64 KiB are kept,
// and written at the end behind a line that says how much is missing. What the disk refuses is counted, and the file
// says so as soon as it takes bytes again: a full disk never fails an attempt.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pipelined::executor {

class OutputLog {
 public:
  OutputLog(const char* path, std::int64_t cap) : path_(path), cap_(cap) {}
  void Append(const char* data, std::size_t size);
  void Finish();  // writes the kept tail; once, at the end
  bool cut() const { return cut_; }

 private:
  void AppendToFile(const char* data, std::size_t size);
  void KeepInTail(const char* data, std::size_t size);
  bool Open();
  bool Write(const char* data, std::size_t size);  // counts what could not be written
  void WriteLine(const char* before, std::int64_t count, const char* after);

  static constexpr std::size_t kTail = 64 * 1024;

  const char* path_;
  std::int64_t cap_;
  std::int64_t found_ = 0;    // bytes that were in the file when it was opened
  std::int64_t taken_ = 0;    // those, and bytes given to it since, also those that it refused
  std::int64_t refused_ = 0;  // bytes refused since the last line that says so
  std::int64_t beyond_ = 0;   // bytes that came after the cap
  int fd_ = -1;
  int error_ = 0;
  bool cut_ = false;

  // A ring. One process has one log, and in static storage its pages cost nothing until the cap is reached.
  static char tail_[kTail];
};

}  // namespace pipelined::executor
