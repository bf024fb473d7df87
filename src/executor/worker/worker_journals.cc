#include "executor/worker/worker_journals.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace pipelined::executor {

WorkerJournals::WorkerJournals(const WorkerFolder& folder, std::string nonce)
    : folder_(folder), nonce_(std::move(nonce)) {
  for (const std::int64_t number : folder_.Journals(nonce_)) Open(number);
}

bool WorkerJournals::Open(std::int64_t number) {
  OwnedFd fd(openat(folder_.fd(), worker::JournalName(nonce_, number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return false;
  File file;
  file.number = number;
  file.fd = std::move(fd);
  if (!files_.empty()) files_.back().closed = true;
  files_.push_back(std::move(file));
  next_ = number + 1;
  return true;
}

void WorkerJournals::Read(const std::function<void(std::int64_t, worker::JournalLine)>& take) {
  do {
    for (std::size_t i = 0; i < files_.size(); ++i) ReadFile(files_[i], take);
  } while ((files_.empty() || files_.back().closed) && Open(next_));
}

void WorkerJournals::ReadFile(File& file, const std::function<void(std::int64_t, worker::JournalLine)>& take) {
  char chunk[64 * 1024];
  for (;;) {
    const ssize_t size = pread(file.fd.get(), chunk, sizeof chunk, file.offset);
    if (size <= 0) return;
    file.offset += size;
    file.rest.append(chunk, static_cast<std::size_t>(size));
    std::size_t at = 0;
    for (std::size_t end = file.rest.find('\n'); end != std::string::npos; end = file.rest.find('\n', at)) {
      auto line = worker::ReadLine(std::string_view(file.rest).substr(at, end - at));
      at = end + 1;
      if (!line) continue;
      if (line->kind == worker::JournalLine::Kind::kHeader) boot_id_ = line->boot_id;
      if (line->kind == worker::JournalLine::Kind::kNext) file.closed = true;
      if (line->kind == worker::JournalLine::Kind::kStart || line->kind == worker::JournalLine::Kind::kEnd)
        take(file.number, std::move(*line));
    }
    file.rest.erase(0, at);
  }
}

void WorkerJournals::Hold(std::int64_t journal, std::int64_t attempt) {
  for (File& file : files_) {
    if (file.number == journal) file.held.insert(attempt);
  }
}

void WorkerJournals::Release(std::int64_t attempt) {
  for (File& file : files_) file.held.erase(attempt);
}

bool WorkerJournals::RemoveUnused(bool alive) {
  std::erase_if(files_, [&](const File& file) {
    const bool in_use = !file.held.empty() || (alive && !file.closed);
    if (!in_use) folder_.RemoveJournal(nonce_, file.number);
    return !in_use;
  });
  return files_.empty();
}

}  // namespace pipelined::executor
