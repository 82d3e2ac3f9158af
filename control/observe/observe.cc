#include "control/observe/observe.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "control/observe/filter.h"

namespace pollux::control {
namespace {

// How long an observation may wait for others of its batch.
constexpr std::chrono::milliseconds kFlushInterval{20};
constexpr int kMostPerBatch = 512;

class Observer {
 public:
  Observer(Controller& controller, const api::ObserveRequest& request, ObservationForm form,
           const Stream<api::ObservationBatch>& stream)
      : controller_(controller),
        request_(request),
        form_(form),
        stream_(stream),
        clock_(WallClock::Measure()) {}

  absl::Status Run() {
    if (const absl::Status status = Follow(); !status.ok()) {
      return status;
    }
    bool there = Send({});
    while (there && !stream_.cancelled()) {
      const std::vector<core::Observation> seen = Take();
      const absl::Status status = Follow();
      if (!seen.empty() || missed() != missed_sent_) {
        there = Send(seen);
      }
      if (!status.ok()) {
        return status;
      }
      there = there && (seen.size() == kMostPerBatch || Pause(stream_, kFlushInterval));
    }
    return absl::OkStatus();
  }

 private:
  // Subscribes, and again when the port of the filter was made anew under another id.
  absl::Status Follow() {
    const std::shared_ptr<const Snapshot> snapshot = controller_.snapshot();
    if (snapshot == snapshot_) {
      return absl::OkStatus();
    }
    snapshot_ = snapshot;
    names_.Update(*snapshot);
    const absl::StatusOr<core::ObservationFilter> filter = FromProto(request_.filter(), *snapshot);
    if (!filter.ok()) {
      return filter.status();
    }
    if (subscription_ == nullptr || filter->port != port_) {
      missed_before_ = missed();
      port_ = filter->port;
      subscription_ = controller_.packet_side().Subscribe(*filter);
    }
    return absl::OkStatus();
  }

  // What has come, in the order of time: each worker has a ring of its own.
  std::vector<core::Observation> Take() {
    std::vector<core::Observation> seen;
    core::Observation next;
    while (seen.size() < kMostPerBatch && subscription_->TryPop(next)) {
      seen.push_back(next);
    }
    std::stable_sort(seen.begin(), seen.end(),
                     [](const core::Observation& a, const core::Observation& b) {
                       return std::pair(a.nanos, a.worker) < std::pair(b.nanos, b.worker);
                     });
    return seen;
  }

  bool Send(const std::vector<core::Observation>& seen) {
    api::ObservationBatch batch;
    for (const core::Observation& observation : seen) {
      ToProto(observation, form_, names_, clock_, batch.add_items());
    }
    missed_sent_ = missed();
    batch.set_missed(missed_sent_);
    return stream_.send(batch);
  }

  [[nodiscard]] std::uint64_t missed() const {
    return missed_before_ + (subscription_ == nullptr ? 0 : subscription_->missed());
  }

  Controller& controller_;
  const api::ObserveRequest& request_;
  const ObservationForm form_;
  const Stream<api::ObservationBatch>& stream_;
  const WallClock clock_;
  PortNames names_;
  std::shared_ptr<const Snapshot> snapshot_;
  net::PortId port_;  // of the subscription's filter
  std::shared_ptr<core::Subscription> subscription_;
  std::uint64_t missed_before_ = 0;  // by subscriptions that were replaced
  std::uint64_t missed_sent_ = 0;
};

}  // namespace

absl::Status Observe(Controller& controller, const api::ObserveRequest& request,
                     ObservationForm form, const Stream<api::ObservationBatch>& stream) {
  return Observer(controller, request, form, stream).Run();
}

}  // namespace pollux::control
