// An answer that goes on for as long as its caller may have it, and not for as long as he listens.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "api/http/http.h"
#include "api/live/premises.h"

namespace pipelined::api {

class GuardedFeed final : public Feed {
 public:
  // `may` tells whether the caller still may; `about` is the same text for all of whom it tells the same.
  GuardedFeed(std::shared_ptr<Feed> feed, Premises& premises, std::string about, Premises::Holds may)
      : feed_(std::move(feed)), premises_(premises), about_(std::move(about)), may_(std::move(may)) {}
  ~GuardedFeed() override { premises_.Leave(answer_); }

  void Begin(std::function<void()> more) override {
    answer_ = premises_.Join(about_, std::move(may_), [over = over_, more] {
      *over = true;
      more();
    });
    feed_->Begin(std::move(more));
  }
  Piece Take(std::size_t most) override {
    if (!*over_) return feed_->Take(most);
    return feed_->MayEndEarly() ? Piece::End() : Piece::Cut();
  }
  bool MayEndEarly() const override { return feed_->MayEndEarly(); }

 private:
  const std::shared_ptr<Feed> feed_;
  Premises& premises_;
  const std::string about_;
  Premises::Holds may_;
  const std::shared_ptr<std::atomic<bool>> over_ = std::make_shared<std::atomic<bool>>(false);
  std::uint64_t answer_ = 0;
};

}  // namespace pipelined::api
