#include "pipelined/dagfile/dag_folder.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "dagfile/defaults_cache.h"
#include "dagfile/files.h"
#include "dagfile/folder_batch.h"
#include "dagfile/folder_tree.h"
#include "dagfile/other_files.h"
#include "pipelined/dagfile/dag_calls.h"

namespace pipelined {
namespace dagfile {
namespace {

constexpr Micros kBusyRetry = Millis(50);  // a file that is being written; the close usually says so earlier
constexpr Micros kLongestBusyRetry = Millis(1000);
constexpr Micros kMissingRootRetry = Millis(1000);
constexpr std::string_view kCalendarSuffix = ".ics";

// Goes up when this program would read a file differently than the one before: then every file is read anew.
constexpr std::string_view kReading = "2";

// Events and scans only say where to look; what is done is decided by comparing fingerprints with the disk.
class Watcher : public DagFolder {
 public:
  Watcher(DagFolderOptions options, const std::vector<KnownFile>& known, const ZoneSource& zones, Inotify inotify)
      : options_(std::move(options)),
        zones_(zones),
        inotify_(std::move(inotify)),
        tree_(options_.roots, inotify_),
        others_(inotify_) {
    for (const KnownFile& file : known) Remember(file);
  }

  int PollFd() const override { return inotify_.fd(); }

  Micros NextWake() const override {
    Micros wake = scans_.empty() && orphans_.empty() ? next_rescan_ : Micros{0};
    for (const auto& [key, dirty] : dirty_) wake = std::min(wake, dirty.due);
    return wake;
  }

  FolderChange Poll(Micros now) override {
    now_ = now;
    defaults_.Refresh();
    TakeEvents();
    if (now >= next_rescan_) ScanEverything();
    RunScans();
    Process();
    FolderChange change;
    change.publication = std::exchange(batch_, {}).Take(index_);
    for (KnownFile& orphan : orphans_) change.publication.removed.push_back(std::move(orphan));
    orphans_.clear();
    change.warnings = tree_.TakeWarnings();
    change.complete = NothingIsDue();
    return change;
  }

 private:
  struct File {
    std::string fingerprint;
    std::vector<std::string> dag_ids;
    bool wants_data = false;  // an iCalendar file or a time zone that it names is not there (yet)
    OtherMarks others = {};   // files that it names
    bool calls = false;       // its DAGs make runs of others
  };
  struct Dirty {
    Micros first{0}, due{0};
    Micros busy_retry{0};
    bool forced = false;  // something happened to the file, whatever its fingerprint says
    bool gone = false;    // a scan did not find it
    bool found = false;   // a scan did, so that nobody needs to ask the disk again
  };

  void Remember(const KnownFile& file) {
    const auto root = std::find(options_.roots.begin(), options_.roots.end(), file.root);
    if (root == options_.roots.end()) {
      orphans_.push_back(file);  // its folder is not watched any more
      return;
    }
    const FolderKey key{static_cast<std::size_t>(root - options_.roots.begin()), file.relative_file};
    files_[key] = {file.fingerprint, file.dag_ids, false};
    for (const std::string& id : file.dag_ids) index_.Claim(id, key);
  }

  // ---- what to look at

  Dirty& Touch(const FolderKey& key, Micros wait) {
    const auto [at, fresh] = dirty_.try_emplace(key);
    Dirty& dirty = at->second;
    if (fresh) dirty.first = now_;
    dirty.due = std::min(now_ + wait, dirty.first + options_.longest);
    return dirty;
  }

  void TouchAllBelow(const FolderKey& folder) {
    const std::string prefix = folder.second.empty() ? "" : folder.second + "/";
    for (auto at = files_.lower_bound({folder.first, prefix}); at != files_.end() && at->first.first == folder.first;
         ++at) {
      if (!at->first.second.starts_with(prefix)) break;
      Touch(at->first, options_.quiet).gone = true;
    }
  }

  void TakeEvents() {
    for (const Inotify::Event& event : inotify_.Drain()) {
      if (event.mask & IN_Q_OVERFLOW) next_rescan_ = now_;
      for (const FolderKey& folder : tree_.FoldersOf(event.watch)) TakeEvent(folder, event);
      for (const FolderKey& user : others_.UsersOf(event)) Touch(user, options_.quiet).forced = true;
    }
  }

  void TakeEvent(const FolderKey& folder, const Inotify::Event& event) {
    if (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) {
      if (folder.second.empty()) next_rescan_ = now_;
      return;
    }
    if (event.name.empty()) return;
    const FolderKey key = Inside(folder, event.name);
    const bool arrived = event.mask & (IN_CREATE | IN_MOVED_TO);
    const bool left = event.mask & (IN_DELETE | IN_MOVED_FROM);
    if (tree_.HasLinks(folder)) scans_.insert(folder);  // something that a link leads through may have changed
    if (event.mask & IN_ISDIR) {
      if (left) {
        tree_.Forget(key);
        TouchAllBelow(key);
      } else if (arrived || (event.mask & IN_ATTRIB)) {
        scans_.insert(folder);
      }
    } else if (event.name == kDefaultsName || event.name == kIgnoreName) {
      if (!(event.mask & IN_CREATE)) scans_.insert(folder);  // a new one is looked at when it was written and closed
    } else if (event.name.ends_with(kCalendarSuffix)) {
      if (!(event.mask & IN_CREATE)) RetryCalendars(options_.quiet);
    } else if (arrived && IsLink(key)) {
      scans_.insert(folder);
    } else if (tree_.IsDagFile(key) || files_.count(key) > 0) {
      Dirty& dirty = Touch(key, options_.quiet);
      dirty.forced = dirty.forced || !(event.mask & IN_ATTRIB);
      dirty.gone = dirty.found = false;
      dirty.busy_retry = Micros{0};
    }
  }

  bool IsLink(const FolderKey& key) const {
    struct stat info {};
    return lstat(tree_.PathOf(key).c_str(), &info) == 0 && S_ISLNK(info.st_mode);
  }

  // Files that wait for a calendar; it may lie anywhere, also where nobody watches.
  void RetryCalendars(Micros wait) {
    for (const auto& [key, file] : files_) {
      if (file.wants_data) Touch(key, wait).forced = true;
    }
  }

  void ScanEverything() {
    RetryCalendars(Micros{0});
    for (std::size_t root = 0; root < options_.roots.size(); ++root) scans_.insert({root, ""});
    next_rescan_ = now_ + options_.rescan;
  }

  void RunScans() {
    const std::set<FolderKey> scans = std::exchange(scans_, {});
    const FolderKey* done = nullptr;
    for (const FolderKey& folder : scans) {  // a folder comes before those in it
      const bool covered = done != nullptr && done->first == folder.first &&
                           (done->second.empty() || folder.second.starts_with(done->second + "/"));
      if (covered) continue;
      RunScan(folder);
      done = &folder;
    }
  }

  void RunScan(const FolderKey& folder) {
    const Listing listing = tree_.Scan(folder);
    std::set<FolderKey> seen;
    for (const FoundFile& found : listing.files) {
      seen.insert(found.key);
      const auto known = files_.find(found.key);
      if (known == files_.end() || known->second.fingerprint != Fingerprint(found.key, found.mark)) {
        Dirty& dirty = Touch(found.key, Micros{0});
        dirty.gone = false;
        dirty.found = true;
      }
    }
    const auto unknown = [&listing](const FolderKey& key) {
      return std::any_of(listing.unreadable.begin(), listing.unreadable.end(), [&key](const FolderKey& closed) {
        return closed.first == key.first && (closed.second.empty() || key.second.starts_with(closed.second + "/"));
      });
    };
    const std::string prefix = folder.second.empty() ? "" : folder.second + "/";
    for (auto at = files_.lower_bound({folder.first, prefix}); at != files_.end() && at->first.first == folder.first;
         ++at) {
      if (!at->first.second.starts_with(prefix)) break;
      if (seen.count(at->first) == 0 && !unknown(at->first)) Touch(at->first, Micros{0}).gone = true;
    }
    for (const FolderKey& closed : listing.unreadable) {
      if (closed.second.empty()) next_rescan_ = std::min(next_rescan_, now_ + kMissingRootRetry);
    }
  }

  // ---- what to do

  bool NothingIsDue() const {
    return scans_.empty() &&
           std::none_of(dirty_.begin(), dirty_.end(), [this](const auto& entry) { return entry.second.due <= now_; });
  }

  std::vector<FolderKey> Due() const {
    std::vector<FolderKey> due;
    for (const auto& [key, dirty] : dirty_) {
      if (dirty.due <= now_) due.push_back(key);
    }
    return due;
  }

  // Files that are gone come first, so that others can take over what they held.
  void Process() {
    for (std::vector<FolderKey> due = Due(); !due.empty() && batch_.size() < options_.batch; due = Due()) {
      for (const FolderKey& key : due) {
        if (IsGone(key)) Remove(key);
      }
      for (const FolderKey& key : due) {
        if (batch_.size() >= options_.batch) return;
        if (dirty_.count(key) > 0) Load(key);
      }
    }
  }

  bool IsGone(const FolderKey& key) const {
    const Dirty& dirty = dirty_.at(key);
    return dirty.gone || (!dirty.found && (!tree_.IsDagFile(key) || MarkOf(tree_.PathOf(key)).empty()));
  }

  void Remove(const FolderKey& key) {
    dirty_.erase(key);
    const auto at = files_.find(key);
    if (at == files_.end()) return;
    batch_.Removed(key, Known(key, at->second));
    others_.Use(key, {});
    const std::vector<std::string> ids = std::move(at->second.dag_ids);
    files_.erase(at);
    bool changed = false;
    for (const std::string& id : ids) changed = calls_.Forget(id) || changed;
    in_circle_.erase(key);
    if (changed) RetryCircles(key);
    for (const std::string& id : ids) Release(id, key);
  }

  // Those of other DAGs may be at an end.
  void RetryCircles(const FolderKey& changed) {
    for (const FolderKey& key : in_circle_) {
      if (key != changed) Touch(key, Micros{0}).forced = true;
    }
  }

  // Reports DAGs that are called by what they call; true when there are none.
  bool CheckCircles(const FolderKey& key, LoadResult& result) {
    bool good = true;
    for (const LoadedDag& loaded : result.dags) {
      const std::string circle = calls_.CircleOf(*loaded.dag);
      if (circle.empty()) continue;
      result.diagnostics.push_back(CircleError(*loaded.dag, circle, key.second));
      good = false;
    }
    return good;
  }

  // What the DAGs of a file call now; `before` are those that it held.
  void TakeCalls(const FolderKey& key, const std::vector<LoadedDag>& dags, const std::vector<std::string>& before) {
    bool changed = false, calls = false;
    for (const std::string& id : before) {
      const auto same = [&id](const LoadedDag& loaded) { return loaded.dag->id == id; };
      if (std::none_of(dags.begin(), dags.end(), same)) changed = calls_.Forget(id) || changed;
    }
    for (const LoadedDag& loaded : dags) {
      changed = calls_.Set(*loaded.dag) || changed;
      calls = calls || std::any_of(loaded.dag->tasks.begin(), loaded.dag->tasks.end(),
                                   [](const Task& task) { return task.trigger != nullptr; });
    }
    files_[key].calls = calls;
    if (changed) RetryCircles(key);
  }

  void Release(const std::string& id, const FolderKey& key) {
    for (const FolderKey& next : index_.Release(id, key)) {
      if (files_.count(next) > 0) Touch(next, Micros{0}).forced = true;
    }
  }

  void Load(const FolderKey& key) {
    const std::string path = tree_.PathOf(key);
    const FolderDefaults& defaults =
        defaults_.Get(tree_.PathOf(FolderOf(key)), options_.roots[key.first], options_.limits);
    StableText text = ReadStable(path, options_.limits.bytes);
    if (defaults.busy || text.state == StableText::State::kBusy) return WaitForWriter(key);
    if (text.state == StableText::State::kGone) return Remove(key);
    const auto known = files_.find(key);
    if (!dirty_.at(key).forced && known != files_.end() && known->second.fingerprint == Fingerprint(key, text.mark)) {
      dirty_.erase(key);
      return;
    }
    LoadOptions options{path, key.second, "", defaults.files, options_.limits, false, options_.roots[key.first]};
    OtherMarks others;
    bool busy = false;
    options.read_other = [&](const std::string& other) -> Result<std::string> {
      StableText read = ReadOtherFile(other, options.root, options_.limits.bytes);
      others[other] = read.mark;
      busy = busy || read.state == StableText::State::kBusy;
      if (read.state == StableText::State::kRead) return std::move(read.text);
      if (read.state == StableText::State::kFailed) return read.error;
      return Error{ErrorCode::kNotFound, other + " is not there", ""};
    };
    LoadResult result;
    if (text.state == StableText::State::kFailed || !defaults.failed.empty()) {
      Diagnostic unreadable;
      unreadable.code = CodeText(Code::kUnreadable);
      unreadable.file = key.second;
      unreadable.message = defaults.failed.empty() ? text.error.message : defaults.failed;
      unreadable.hint = defaults.failed.empty() ? text.error.hint : "";
      result.diagnostics.push_back(std::move(unreadable));
    } else {
      result = LoadWith(text.text, 1, options, zones_, defaults.layers);
    }
    if (busy) return WaitForWriter(key);
    dirty_.erase(key);
    others_.Use(key, others);
    files_[key].others = others;
    Accept(key, MarkedWith(text.mark + defaults_.Mark(tree_.PathOf(FolderOf(key)), options_.roots[key.first]), others),
           std::move(result));
  }

  void WaitForWriter(const FolderKey& key) {
    Dirty& dirty = dirty_.at(key);
    dirty.busy_retry = std::min(dirty.busy_retry == Micros{0} ? kBusyRetry : dirty.busy_retry * 2, kLongestBusyRetry);
    dirty.first = now_;
    dirty.due = now_ + dirty.busy_retry;
  }

  void Accept(const FolderKey& key, const std::string& fingerprint, LoadResult result) {
    File& file = files_[key];
    file.fingerprint = fingerprint;
    FolderBatch::Outcome outcome;
    bool conflict = false;
    in_circle_.erase(key);
    if (!HasErrors(result.diagnostics) && !CheckCircles(key, result)) in_circle_.insert(key);
    if (!HasErrors(result.diagnostics)) {
      std::vector<std::string> ids;
      for (LoadedDag& loaded : result.dags) {
        if (index_.Claim(loaded.dag->id, key)) {
          ids.push_back(loaded.dag->id);
          outcome.dags.push_back(std::move(loaded));
        } else {
          conflict = true;
          result.diagnostics.push_back(Taken(key, loaded));
        }
      }
      const std::vector<std::string> before = std::exchange(file.dag_ids, ids);
      TakeCalls(key, outcome.dags, before);
      for (const std::string& id : before) {
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) Release(id, key);
      }
    }
    if (HasErrors(result.diagnostics)) outcome.error = Format(result.diagnostics);
    outcome.file = Known(key, file);
    file.wants_data = std::any_of(result.diagnostics.begin(), result.diagnostics.end(), [](const Diagnostic& d) {
      return d.code == CodeText(Code::kBadCalendarFile) ||
             d.code == CodeText(Code::kBadTimezone);  // an update may bring it
    });
    // Who waits, stands on other files, or calls other DAGs is not stored: it is read again after a restart.
    const bool stands_alone = file.others.empty() && !file.calls && in_circle_.count(key) == 0;
    if (conflict || file.wants_data || !stands_alone) outcome.file.fingerprint.clear();
    batch_.Loaded(key, std::move(outcome));
  }

  Diagnostic Taken(const FolderKey& key, const LoadedDag& loaded) const {
    const FolderKey& holder = index_.HolderOf(loaded.dag->id);
    Diagnostic d;
    d.code = CodeText(Code::kDuplicateDag);
    d.file = key.second;
    d.message = fmt::format("the dag_id \"{}\" is held by {}", loaded.dag->id,
                            holder.first == key.first ? holder.second : tree_.PathOf(holder));
    d.hint = "give this DAG another dag_id, or take the other one away";
    return d;
  }

  KnownFile Known(const FolderKey& key, const File& file) const {
    return {options_.roots[key.first], key.second, file.fingerprint, file.dag_ids};
  }

  std::string Fingerprint(const FolderKey& key, const FileMark& mark) {
    OtherMarks others;
    if (const auto known = files_.find(key); known != files_.end()) others = known->second.others;
    for (auto& [path, seen] : others) seen = MarkOf(path);
    return MarkedWith(mark + defaults_.Mark(tree_.PathOf(FolderOf(key)), options_.roots[key.first]), others);
  }

  static std::string MarkedWith(const std::string& marks, const OtherMarks& others) {
    std::string fingerprint = fmt::format("{};{}", kReading, marks);
    for (const auto& [path, mark] : others) fingerprint += fmt::format(";{}={}", path, mark);
    return fingerprint;
  }

  DagFolderOptions options_;
  const ZoneSource& zones_;
  Inotify inotify_;
  FolderTree tree_;
  OtherFiles others_;
  DefaultsCache defaults_;
  DagIndex index_;
  DagCalls calls_;
  std::set<FolderKey> in_circle_;  // files that are in error for it
  std::map<FolderKey, File> files_;
  std::map<FolderKey, Dirty> dirty_;
  std::set<FolderKey> scans_;
  std::vector<KnownFile> orphans_;
  FolderBatch batch_;
  Micros now_{0};
  Micros next_rescan_{0};
};

}  // namespace
}  // namespace dagfile

Result<std::unique_ptr<DagFolder>> DagFolder::Open(DagFolderOptions options, const std::vector<KnownFile>& known,
                                                   const ZoneSource& zones) {
  for (std::string& root : options.roots) {
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  }
  auto inotify = dagfile::Inotify::Open();
  if (!inotify) return inotify.error();
  return std::unique_ptr<DagFolder>(
      std::make_unique<dagfile::Watcher>(std::move(options), known, zones, *std::move(inotify)));
}

}  // namespace pipelined
