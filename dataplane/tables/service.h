// One service as the packet path sees it: frontends, and the backends that each may choose from.
//
// Which backends take new connections follows "Virtual IPs and Service Proxies" of Kubernetes:
// of a set those that do not drain; if all drain, the draining ones; of the frontend's address
// family always. A frontend of traffic policy Local has a second set, this node's backends.
// Threading: immutable after construction.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/core/service_config.h"
#include "dataplane/net/address.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/maglev.h"
#include "dataplane/tables/route_trie.h"

namespace pollux::tables {

struct Backend {
  std::uint64_t identity = 0;  // BackendIdentity()
  net::IpAddress ip;
  std::uint16_t port = 0;
  bool local = false;
  bool draining = false;
  net::ObjectId object{};  // its own while it is in the service
};

// Who takes new connections of one set.
class Selection {
 public:
  Selection() = default;
  explicit Selection(std::vector<const Backend*> members);  // ascending identities

  [[nodiscard]] bool empty() const { return members_.empty(); }
  // Not of an empty one.
  [[nodiscard]] const Backend& Pick(std::uint64_t client_hash) const {
    return *members_[maglev_.Pick(client_hash)];
  }

 private:
  std::vector<const Backend*> members_;
  Maglev maglev_;
};

// Which selections of a set of backends are made: most services need one of the four.
struct SelectionKinds {
  enum Kind : std::uint8_t { kAll4, kLocal4, kAll6, kLocal6 };
  static Kind Of(const net::IpAddress& frontend, bool local) {
    return static_cast<Kind>((frontend.is_v6() ? kAll6 : kAll4) + (local ? 1 : 0));
  }
  static SelectionKinds NeededBy(std::span<const core::FrontendConfig> frontends);
  [[nodiscard]] bool Has(SelectionKinds other) const { return (bits & other.bits) == other.bits; }

  std::uint8_t bits = 0;
};

// All backends of a service, with those that only finish what they have.
class BackendSet {
 public:
  // In the order of Before().
  BackendSet(std::vector<Backend> backends, SelectionKinds kinds);
  BackendSet(const BackendSet&) = delete;  // selections point into it
  BackendSet& operator=(const BackendSet&) = delete;

  // The order that does not depend on how they were listed.
  static bool Before(const Backend& a, const Backend& b);

  // Null: no such backend, draining or not.
  [[nodiscard]] const Backend* Find(std::uint64_t identity, const net::IpAddress& ip,
                                    std::uint16_t port) const;
  [[nodiscard]] std::span<const Backend> backends() const { return backends_; }
  [[nodiscard]] SelectionKinds kinds() const { return kinds_; }
  [[nodiscard]] const Selection& selection(SelectionKinds::Kind kind) const {
    return selections_[kind];
  }

 private:
  std::vector<Backend> backends_;
  SelectionKinds kinds_;
  std::array<Selection, 4> selections_;
};

struct Frontend {
  std::uint32_t service = 0;  // dense, its own while the service lives
  std::uint32_t affinity_seconds = 0;
  core::FrontendKind kind = core::FrontendKind::kClusterIp;
  const Selection* all = nullptr;
  const Selection* local = nullptr;          // set where the traffic policy is Local
  std::shared_ptr<const RouteTrie> sources;  // unset: everybody

  [[nodiscard]] bool local_only() const { return local != nullptr; }
  [[nodiscard]] bool Allows(const net::IpAddress& source) const {
    return sources == nullptr || sources->Find(source) != 0;
  }
};

// Where a new connection goes.
struct Choice {
  enum class Kind : std::uint8_t {
    kBackend,
    kReject,  // nobody is there: the client is told
    kDrop,    // others are there, but not on this node, and only this node's may be taken
  };
  Kind kind = Kind::kReject;
  const Backend* backend = nullptr;  // of kBackend
};

// `inside`: the client is in the cluster. Such clients reach all backends of external frontends,
// whatever their traffic policy; the internal policy of a ClusterIP binds everybody. For session
// affinity the hash is of the client's address alone.
Choice Select(const Frontend& frontend, std::uint64_t client_hash, bool inside);
// Whether a backend that a client had before may take its new connection through this frontend.
bool MayChoose(const Frontend& frontend, const Backend& backend, bool inside);

struct Service {
  Service(std::shared_ptr<const core::ServiceConfig> its_config, std::uint32_t its_id,
          std::shared_ptr<const BackendSet> its_backends);
  Service(const Service&) = delete;  // the table points to its frontends
  Service& operator=(const Service&) = delete;

  std::shared_ptr<const core::ServiceConfig> config;
  std::uint32_t id;
  std::shared_ptr<const BackendSet> backends;
  std::vector<Frontend> frontends;  // in the order of the configuration's
};

}  // namespace pollux::tables
