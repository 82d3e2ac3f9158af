// From service configurations to service tables, one change after the other.
//
// Keeps what the packet path does not need: names, and who has which number. Costs what the change
// costs: what did not change is shared with the table before.
// Threading: owned by the control side, one thread at a time.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dataplane/core/epochs.h"
#include "dataplane/core/id_pool.h"
#include "dataplane/core/service_config.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/service_table.h"

namespace pollux::tables {

class ServiceTableBuilder {
 public:
  using Config = std::shared_ptr<const core::ServiceConfig>;

  struct Change {
    std::shared_ptr<const ServiceTable> table;
    // Backends: for the caller, when no worker reads the table before any more.
    std::vector<net::ObjectId> closing;  // their service allows less than before: to be bumped
    std::vector<net::ObjectId> gone;     // to be released
  };

  // Numbers of backends come from `objects`, which outlives the builder.
  explicit ServiceTableBuilder(core::Epochs& objects) : objects_(objects) {}

  // Adds or replaces by name, and removes. InvalidArgument, naming service and field, NotFound for
  // the removal of what is not there, or ResourceExhausted for more backends than there are numbers
  // for; nothing has changed then.
  absl::StatusOr<Change> Apply(std::span<const Config> put, std::span<const std::string> removed);

  [[nodiscard]] const std::shared_ptr<const ServiceTable>& table() const { return table_; }

 private:
  struct Edits;
  using ServicePtr = std::shared_ptr<const Service>;

  [[nodiscard]] absl::Status Check(std::span<const Config> put,
                                   std::span<const std::string> removed) const;
  // `names`: of the services whose present frontends do not count.
  [[nodiscard]] absl::Status CheckFrontends(
      std::span<const Config> put, const std::unordered_set<std::string_view>& names) const;
  void Put(const Config& config, Edits& edits);
  void Remove(const std::string& name, Edits& edits);
  std::shared_ptr<const BackendSet> BackendsFor(const core::ServiceConfig& config,
                                                const Service* old,
                                                std::vector<net::ObjectId>& gone);
  // Who was there keeps its number, who comes gets one.
  void Renumber(std::span<const Backend> before, std::span<Backend> after,
                std::vector<net::ObjectId>& gone);

  core::Epochs& objects_;
  core::IdPool services_{~std::uint32_t{0}};
  std::unordered_map<std::string, ServicePtr> by_name_;
  std::shared_ptr<const ServiceTable> table_ = std::make_shared<const ServiceTable>();
};

}  // namespace pollux::tables
