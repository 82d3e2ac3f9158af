#include "dataplane/core/rcu.h"

#include <glog/logging.h>

#include <cstdlib>
#include <cstring>

namespace pollux::core {

Rcu::Rcu(unsigned max_readers) {
  const std::size_t size = rte_rcu_qsbr_get_memsize(max_readers);
  void* memory = std::aligned_alloc(RTE_CACHE_LINE_SIZE, size);
  CHECK(memory != nullptr) << "out of memory for " << max_readers << " RCU readers";
  std::memset(memory, 0, size);
  qsbr_.reset(static_cast<rte_rcu_qsbr*>(memory));
  CHECK_EQ(rte_rcu_qsbr_init(qsbr_.get(), max_readers), 0);
}

void Rcu::Free::operator()(rte_rcu_qsbr* qsbr) const { std::free(qsbr); }

}  // namespace pollux::core
