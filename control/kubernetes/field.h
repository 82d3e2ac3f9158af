// A place in a document tree that knows its path, so that every error names the field. Reading what
// is wrong records the first error and yields a default: decoders read on without a branch each.
// Threading: values that live on one thread's stack, parents before children.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace pollux::kubernetes {

using Json = nlohmann::json;

struct FieldProblem {
  std::string field;  // spec.ports[1].endPort
  std::string text;
};

class Field {
 public:
  Field(const Json& root, std::optional<FieldProblem>& problem)
      : value_(&root), problem_(&problem) {}

  // An absent field, null and a field of an absent one are the same: not present.
  Field operator[](const char* key) const;
  [[nodiscard]] bool present() const { return value_ != nullptr && !value_->is_null(); }
  [[nodiscard]] const Json& json() const { return *value_; }
  [[nodiscard]] std::string path() const;
  void Fail(std::string text) const;  // the first one stays

  [[nodiscard]] std::string Text() const;
  [[nodiscard]] bool Flag() const;
  [[nodiscard]] std::optional<bool> OptionalFlag() const;
  // 0 if absent.
  [[nodiscard]] std::uint32_t Number(std::uint32_t low, std::uint32_t high,
                                     std::string_view what) const;

  template <typename Visit>
  void ForEach(Visit visit) const {
    if (!Is(Json::value_t::array, "a list")) {
      return;
    }
    for (std::size_t i = 0; i < value_->size(); ++i) {
      visit(Field(&(*value_)[i], *this, "", i));
    }
  }
  template <typename Visit>
  void ForEachMember(Visit visit) const {
    if (!Is(Json::value_t::object, "a map")) {
      return;
    }
    for (const auto& [key, value] : value_->items()) {
      visit(key, Field(&value, *this, key.c_str(), 0));
    }
  }

 private:
  Field(const Json* value, const Field& parent, const char* key, std::size_t index)
      : value_(value), parent_(&parent), key_(key), index_(index), problem_(parent.problem_) {}

  // Present and of this type; of another type it fails.
  [[nodiscard]] bool Is(Json::value_t type, std::string_view what) const;

  const Json* value_;
  const Field* parent_ = nullptr;
  const char* key_ = "";  // empty: an element, number index_
  std::size_t index_ = 0;
  std::optional<FieldProblem>* problem_;
};

}  // namespace pollux::kubernetes
