// The ids of adjacencies (tables::AdjacencyId): one that is given out again is another id.
// Threading: one thread at a time (the caller's lock).
#pragma once

#include <vector>

#include "dataplane/core/id_pool.h"
#include "dataplane/tables/tables.h"

namespace pollux {

class AdjacencyIds {
 public:
  // 0 if all are in use.
  tables::AdjacencyId Allocate() {
    const std::uint32_t index = pool_.Allocate();
    if (index == 0) {
      return 0;
    }
    if (index >= generations_.size()) {
      generations_.resize(index + 1);
    }
    return generations_[index] << kIndexBits | index;
  }
  void Release(tables::AdjacencyId id) {
    const std::uint32_t index = id & tables::AdjacencyTable::kIndexMask;
    if (index != 0) {
      ++generations_[index];
      pool_.Release(index);
    }
  }

 private:
  static constexpr unsigned kIndexBits = tables::AdjacencyTable::kIndexBits;

  core::IdPool pool_{1U << kIndexBits};
  std::vector<std::uint32_t> generations_;  // by index; the upper bits are cut off
};

}  // namespace pollux
