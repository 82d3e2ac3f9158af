// Reads the connection table while workers use it, and removes connections from it.
//
// The control side is a reader of the table like a worker: what it looks at is not given to another
// connection meanwhile. It looks at some thousand slots at a time, so that nobody who waits for a
// grace period waits long.
// Threading: any control thread; one at a time is served.
#pragma once

#include <cstddef>
#include <mutex>

#include "dataplane/core/rcu.h"
#include "dataplane/flow_info.h"
#include "dataplane/tables/connection_table.h"

namespace pollux {

class FlowReader {
 public:
  // `reader`: an id of the Rcu's that no worker has.
  FlowReader(tables::ConnectionTable& table, core::Rcu& rcu, net::WorkerId reader);
  ~FlowReader();
  FlowReader(const FlowReader&) = delete;
  FlowReader& operator=(const FlowReader&) = delete;

  // At most `limit` of those that match.
  FlowList List(const FlowQuery& query, std::size_t limit, net::Nanos now);
  // How many were removed. Their next packets are first packets.
  std::uint64_t Flush(const FlowQuery& query);

 private:
  template <typename Visit>
  void ForEachMatching(const FlowQuery& query, Visit&& visit);

  tables::ConnectionTable& table_;
  core::Rcu& rcu_;
  const net::WorkerId reader_;
  std::mutex mutex_;
};

}  // namespace pollux
