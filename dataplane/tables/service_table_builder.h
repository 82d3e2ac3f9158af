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

#include "dataplane/core/service_config.h"
#include "dataplane/tables/object_ids.h"
#include "dataplane/tables/service_table.h"

namespace pollux::tables {

class ServiceTableBuilder {
 public:
  using Config = std::shared_ptr<const core::ServiceConfig>;

  struct Change {
    std::shared_ptr<const ServiceTable> table;
    // Objects that mean something else now; to be told to the flow entries when no worker reads
    // the table before any more. Of a new service or backend nobody knows the number yet.
    std::vector<std::uint32_t> closing;  // something that was allowed no longer is
    std::vector<std::uint32_t> changed;
  };

  // Numbers of services and backends come from `objects`, which outlives the builder.
  explicit ServiceTableBuilder(ObjectIds& objects) : objects_(objects) {}

  // Adds or replaces by name, and removes. InvalidArgument, naming service and field, or NotFound
  // for the removal of what is not there; nothing has changed then.
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
                                                std::vector<std::uint32_t>& closing);
  // Who was there keeps its number, who comes gets one, who is gone is closing.
  void Renumber(std::span<const Backend> before, std::span<Backend> after,
                std::vector<std::uint32_t>& closing);
  void Close(std::uint32_t object, std::vector<std::uint32_t>& closing);

  ObjectIds& objects_;
  ObjectIds services_{1};
  std::unordered_map<std::string, ServicePtr> by_name_;
  std::shared_ptr<const ServiceTable> table_ = std::make_shared<const ServiceTable>();
};

}  // namespace pollux::tables
