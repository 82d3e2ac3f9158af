#include "control/kubernetes/field.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace pollux::kubernetes {

Field Field::operator[](const char* key) const {
  if (!Is(Json::value_t::object, "a map")) {
    return {nullptr, *this, key, 0};
  }
  const auto at = value_->find(key);
  return {at == value_->end() ? nullptr : &*at, *this, key, 0};
}

std::string Field::path() const {
  if (parent_ == nullptr) {
    return "";
  }
  const std::string above = parent_->path();
  if (*key_ == '\0') {
    return absl::StrCat(above, "[", index_, "]");
  }
  return absl::StrCat(above, above.empty() ? "" : ".", key_);
}

void Field::Fail(std::string text) const {
  if (!problem_->has_value()) {
    *problem_ = FieldProblem{path(), std::move(text)};
  }
}

bool Field::Is(Json::value_t type, std::string_view what) const {
  if (present() && value_->type() != type) {
    Fail(absl::StrCat("is a ", value_->type_name(), ", not ", std::string(what),
                      type == Json::value_t::string ? " (quote it)" : ""));
  }
  return present() && value_->type() == type;
}

std::string Field::Text() const {
  return Is(Json::value_t::string, "a string") ? value_->get_ref<const std::string&>() : "";
}

std::optional<bool> Field::OptionalFlag() const {
  return Is(Json::value_t::boolean, "true or false") ? std::optional(value_->get<bool>())
                                                     : std::nullopt;
}

bool Field::Flag() const { return OptionalFlag().value_or(false); }

std::uint32_t Field::Number(std::uint32_t low, std::uint32_t high, std::string_view what) const {
  if (!present()) {
    return 0;
  }
  if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() < low ||
      value_->get<std::uint64_t>() > high) {
    Fail(absl::StrCat(value_->is_number() ? std::to_string(value_->get<std::int64_t>())
                                          : std::string("a ") + value_->type_name(),
                      " is not ", std::string(what)));
    return 0;
  }
  return value_->get<std::uint32_t>();
}

}  // namespace pollux::kubernetes
