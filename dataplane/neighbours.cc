#include "dataplane/neighbours.h"

#include <utility>

namespace pollux {
namespace {

net::Nanos After(net::Nanos now, std::uint64_t nanos) { return net::Nanos{now.value() + nanos}; }

}  // namespace

void NeighbourManager::Handle(const stages::NeighbourEvent& event, net::Nanos now) {
  switch (event.kind) {
    case stages::NeighbourEvent::Kind::kWanted:
      return Want(event.port, event.ip, now);
    case stages::NeighbourEvent::Kind::kLearned:
      return Learn(event.port, event.ip, event.mac, now);
  }
}

void NeighbourManager::Want(net::PortId port, const net::IpAddress& ip, net::Nanos now) {
  Entries& entries = ports_[port];
  if (entries.size() >= kMostPerPort) {
    return;
  }
  const auto [it, is_new] =
      entries.try_emplace(ip, Entry{.mac = {}, .deadline = After(now, kRetryNanos)});
  if (is_new) {
    it->second.adjacency = adjacencies_.Allocate();
  }
}

void NeighbourManager::Learn(net::PortId port, const net::IpAddress& ip, const net::MacAddress& mac,
                             net::Nanos now) {
  const auto entries = ports_.find(port);
  if (entries == ports_.end()) {
    return;
  }
  const auto it = entries->second.find(ip);
  if (it == entries->second.end()) {
    return;
  }
  Entry& entry = it->second;
  const bool was_usable = entry.state == State::kReachable || entry.state == State::kConfirming;
  changed_ |= !was_usable || entry.mac != mac;
  entry.state = State::kReachable;
  entry.mac = mac;
  entry.deadline = After(now, kConfirmNanos);
}

void NeighbourManager::Tick(net::Nanos now) {
  for (auto& [port, entries] : ports_) {
    for (auto it = entries.begin(); it != entries.end();) {
      const bool due = it->second.deadline <= now;
      if (due && !OnDeadline(port, it->first, it->second, now)) {
        adjacencies_.Release(it->second.adjacency);
        it = entries.erase(it);
      } else {
        ++it;
      }
    }
  }
}

// Whether a packet used the entry since it was last confirmed. Takes both marks.
bool NeighbourManager::TakeUsed(net::PortId port, const net::IpAddress& ip, Entry& entry) {
  const bool used_now = published_->TakeUsed(port, ip);
  return std::exchange(entry.used, false) || used_now;
}

bool NeighbourManager::OnDeadline(net::PortId port, const net::IpAddress& ip, Entry& entry,
                                  net::Nanos now) {
  switch (entry.state) {
    case State::kReachable:
      if (TakeUsed(port, ip, entry)) {
        entry.state = State::kConfirming;
        entry.asked = 0;
        Ask(port, ip, entry, now);
        return true;
      }
      break;
    case State::kResolving:
    case State::kConfirming:
      if (entry.asked < kMostAsked) {
        Ask(port, ip, entry, now);
        return true;
      }
      if (entry.state == State::kResolving) {
        entry.state = State::kFailed;
        entry.deadline = After(now, kFailedNanos);
        changed_ = true;
        return true;
      }
      break;
    case State::kFailed:
      break;
  }
  changed_ = true;
  return false;
}

void NeighbourManager::Ask(net::PortId port, const net::IpAddress& ip, Entry& entry,
                           net::Nanos now) {
  solicitations_.push_back({.port = port, .ip = ip});
  ++entry.asked;
  entry.deadline = After(now, kRetryNanos);
}

void NeighbourManager::ForgetPort(net::PortId port) {
  const auto entries = ports_.find(port);
  if (entries == ports_.end()) {
    return;
  }
  for (const auto& [ip, entry] : entries->second) {
    adjacencies_.Release(entry.adjacency);
  }
  ports_.erase(entries);
  changed_ = true;
}

std::vector<NeighbourManager::Solicitation> NeighbourManager::TakeSolicitations() {
  return std::exchange(solicitations_, {});
}

bool NeighbourManager::TakeChanged() { return std::exchange(changed_, false); }

std::shared_ptr<const tables::NeighbourTable> NeighbourManager::Table() {
  std::vector<tables::Neighbour> neighbours;
  for (auto& [port, entries] : ports_) {
    for (auto& [ip, entry] : entries) {
      if (entry.state != State::kResolving) {
        entry.used |= published_->TakeUsed(port, ip);
        neighbours.push_back({.port = port,
                              .ip = ip,
                              .mac = entry.mac,
                              .failed = entry.state == State::kFailed,
                              .adjacency = entry.adjacency});
      }
    }
  }
  published_ = std::make_shared<const tables::NeighbourTable>(std::move(neighbours));
  return published_;
}

std::vector<NeighbourInfo> NeighbourManager::List() const {
  std::vector<NeighbourInfo> list;
  for (const auto& [port, entries] : ports_) {
    for (const auto& [ip, entry] : entries) {
      const bool usable = entry.state == State::kReachable || entry.state == State::kConfirming;
      const bool failed = entry.state == State::kFailed;
      list.push_back({.port = port,
                      .ip = ip,
                      .mac = entry.mac,
                      .state = usable   ? "reachable"
                               : failed ? "failed"
                                        : "resolving"});
    }
  }
  return list;
}

}  // namespace pollux
