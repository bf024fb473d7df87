#include "executor/local/journal_reader.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

namespace pipelined::executor {

JournalReader::JournalReader(int folder, const std::vector<std::int64_t>& numbers)
    : folder_(folder), buffer_(256 * kRecordSize) {
  for (const std::int64_t number : numbers) Follow(number);
}

bool JournalReader::Follow(std::int64_t number) {
  File file;
  file.number = number;
  file.fd.Reset(openat(folder_, fmt::format("journal-{}", number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.fd) return false;
  files_.push_back(std::move(file));
  return true;
}

void JournalReader::Read(const std::function<void(std::int64_t, const Record&)>& take) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    ReadFile(files_[i], take);
    if (files_[i].closed && i + 1 == files_.size()) Follow(files_[i].number + 1);  // made before the other was closed
  }
}

void JournalReader::ReadFile(File& file, const std::function<void(std::int64_t, const Record&)>& take) {
  for (;;) {
    const ssize_t size = pread(file.fd.get(), buffer_.data(), buffer_.size(), file.offset);
    if (size < static_cast<ssize_t>(kRecordSize)) return;
    std::size_t at = 0;
    while (static_cast<std::size_t>(size) - at >= kRecordSize) {
      Record record;
      bool valid = false;
      const std::size_t step = NextRecord(buffer_.data() + at, static_cast<std::size_t>(size) - at, &record, &valid);
      if (step == 0) break;
      at += step;
      if (!valid) continue;  // a torn stretch between whole records
      if (record.type == RecordType::kClosed) file.closed = true;
      if (!(file.closed && record.type == RecordType::kStart)) take(file.number, record);
    }
    if (at == 0) return;
    file.offset += static_cast<std::int64_t>(at);
  }
}

JournalReader::File* JournalReader::Find(std::int64_t number) {
  for (File& file : files_) {
    if (file.number == number) return &file;
  }
  return nullptr;
}

void JournalReader::Hold(std::int64_t journal) {
  if (File* file = Find(journal)) ++file->held;
}

void JournalReader::Release(std::int64_t journal, std::int64_t attempt) {
  File* file = Find(journal);
  if (file != nullptr && file->released.insert(attempt).second) --file->held;
}

bool JournalReader::IsReleased(std::int64_t attempt) const {
  return std::any_of(files_.begin(), files_.end(),
                     [attempt](const File& file) { return file.released.count(attempt) != 0; });
}

void JournalReader::RemoveUnused() {
  for (std::size_t i = 0; i + 1 < files_.size();) {
    if (!files_[i].closed || files_[i].held > 0) {
      ++i;
      continue;
    }
    unlinkat(folder_, fmt::format("journal-{}", files_[i].number).c_str(), 0);
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace pipelined::executor
