#include "control/agent/switch_keeper.h"

#include <string>
#include <utility>
#include <variant>

#include "control/state/changes.h"
#include "control/state/edit.h"
#include "control/state/translate.h"

namespace pollux::agent {
namespace {

const std::string kOwner(control::OwnerName(control::Owner::kAgent));

struct WriteKey {
  api::Key* key;

  void operator()(const control::Port& o) const { key->set_port(o.key()); }
  void operator()(const control::Endpoint& o) const { key->set_endpoint(o.key()); }
  void operator()(const control::Route& o) const { key->set_route(o.key().ToString()); }
  void operator()(const control::Service& o) const { key->set_service(o.key()); }
  void operator()(const control::Workload& o) const { key->set_workload(o.key()); }
  void operator()(const control::Policy& o) const { key->set_policy(o.key()); }
  void operator()(const control::Cluster&) const { key->set_cluster(true); }
};

}  // namespace

absl::Status SwitchKeeper::Bring(control::State desired) {
  if (!taken_) {
    api::SyncRequest request;
    request.set_owner(kOwner);
    for (const control::Object& object : control::ObjectsOf(desired)) {
      *request.add_items() = control::ToProto(object);
    }
    return Remember(client_.Sync(request), std::move(desired));
  }
  api::ApplyRequest request;
  request.set_owner(kOwner);
  for (const control::Change& change : control::Changes(*taken_, desired)) {
    if (change.after) {
      *request.add_put() = control::ToProto(*change.after);
    } else {
      std::visit(WriteKey{request.add_remove()}, *change.before);
    }
  }
  if (request.put().empty() && request.remove().empty()) {
    return absl::OkStatus();
  }
  return Remember(client_.Apply(request), std::move(desired));
}

absl::Status SwitchKeeper::Remember(const absl::StatusOr<api::ApplyReply>& reply,
                                    control::State desired) {
  if (!reply.ok()) {
    taken_.reset();
    return reply.status();
  }
  taken_ = std::move(desired);
  revision_ = reply->revision();
  return absl::OkStatus();
}

absl::Status SwitchKeeper::Check() {
  const absl::StatusOr<api::GetStatusReply> status = client_.GetStatus();
  if (!status.ok()) {
    taken_.reset();
    return status.status();
  }
  const std::uint32_t process = status->items().empty() ? 0 : status->items(0).pid();
  if (process_ && *process_ != process) {
    taken_.reset();
  }
  process_ = process;
  return absl::OkStatus();
}

}  // namespace pollux::agent
