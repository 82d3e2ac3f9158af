// An immutable hashed map of which a changed copy is cheap: split into shards that the copies
// share, so that one change among many thousands of entries rebuilds one shard.
//
// Found by one linear probe sequence in a shard at most half full. Only the control side chooses
// what is in it, so the hash needs no secret.
// Threading: immutable after construction.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pollux::tables {

// Hash: an object that makes 64 well mixed bits of a key.
template <typename Key, typename Value, typename Hash>
class ShardedMap {
 public:
  static constexpr unsigned kShardBits = 8;
  struct Entry {
    Key key{};
    Value value{};  // Value{}: free slot; in an edit: remove
  };

  // Null: not there.
  [[nodiscard]] const Value* Find(const Key& key) const {
    const std::uint64_t hash = Hash{}(key);
    const Shard& shard = *shards_[hash >> (64 - kShardBits)];
    const Value& value = shard[SlotOf(shard, key, hash)].value;
    return value == Value{} ? nullptr : &value;
  }

  // This map with edits made in order. Shards that they do not touch are shared.
  [[nodiscard]] ShardedMap With(std::span<const Entry> edits) const {
    std::array<std::vector<Entry>, kShards> by_shard;
    for (const Entry& edit : edits) {
      by_shard[Hash{}(edit.key) >> (64 - kShardBits)].push_back(edit);
    }
    ShardedMap result = *this;
    for (std::size_t i = 0; i < kShards; ++i) {
      if (!by_shard[i].empty()) {
        result.shards_[i] = Edited(*shards_[i], by_shard[i]);
      }
    }
    return result;
  }

 private:
  static constexpr std::size_t kShards = std::size_t{1} << kShardBits;
  using Shard = std::vector<Entry>;  // a power of two, at least one slot free

  // The slot that holds the key, or the free one where its search ends.
  static std::size_t SlotOf(const Shard& shard, const Key& key, std::uint64_t hash) {
    const std::size_t mask = shard.size() - 1;
    std::size_t i = hash & mask;
    while (shard[i].value != Value{} && shard[i].key != key) {
      i = (i + 1) & mask;
    }
    return i;
  }

  static std::shared_ptr<const Shard> Edited(const Shard& old, std::span<const Entry> edits) {
    std::unordered_map<Key, Value, Hash> content;
    for (const Entry& entry : old) {
      if (entry.value != Value{}) {
        content.emplace(entry.key, entry.value);
      }
    }
    for (const Entry& edit : edits) {
      if (edit.value != Value{}) {
        content.insert_or_assign(edit.key, edit.value);
      } else {
        content.erase(edit.key);
      }
    }
    return Made(content);
  }

  static std::shared_ptr<const Shard> Made(const std::unordered_map<Key, Value, Hash>& content) {
    auto shard = std::make_shared<Shard>(std::bit_ceil(content.size() * 2 + 1));
    for (const auto& [key, value] : content) {
      (*shard)[SlotOf(*shard, key, Hash{}(key))] = {key, value};
    }
    return shard;
  }

  static std::array<std::shared_ptr<const Shard>, kShards> Empty() {
    std::array<std::shared_ptr<const Shard>, kShards> shards;
    shards.fill(Made({}));
    return shards;
  }

  std::array<std::shared_ptr<const Shard>, kShards> shards_ = Empty();
};

}  // namespace pollux::tables
