#include "api/live/streams.h"

namespace pipelined::api {

Result<std::shared_ptr<const Streams::Place>> Streams::Take(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  if (taken_ >= most_)
    return Error{ErrorCode::kUnavailable, "too many streams are open", "end some, or raise api.max_streams"};
  const auto known = of_users_.find(user);
  if (known != of_users_.end() && known->second >= most_of_user_)
    return Error{ErrorCode::kUnavailable, "too many streams of yours are open",
                 "end some, or raise api.max_streams_per_user"};
  auto place = std::make_shared<const Place>(*this, user);
  ++of_users_[user];
  ++taken_;
  return std::shared_ptr<const Place>(std::move(place));
}

int Streams::size() const {
  const std::scoped_lock lock(mutex_);
  return taken_;
}

void Streams::Leave(const std::string& user) {
  const std::scoped_lock lock(mutex_);
  --taken_;
  const auto known = of_users_.find(user);
  if (--known->second == 0) of_users_.erase(known);
}

}  // namespace pipelined::api
