#include "control/vswitchctl/config_file.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "control/vswitchctl/document.h"

namespace pollux::ctl {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Value;

constexpr const char* kOwner = "cli";

absl::StatusOr<ListValue> ItemsOf(const Value& document) {
  if (document.has_list_value()) {
    return document.list_value();
  }
  if (!document.has_struct_value()) {
    return absl::InvalidArgumentError("neither a list of objects nor {\"items\": [...]}");
  }
  for (const auto& [name, value] : document.struct_value().fields()) {
    if (name != "items" && name != "revision") {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown field \"", name, "\"; objects are in \"items\""));
    }
  }
  const auto items = document.struct_value().fields().find("items");
  if (items == document.struct_value().fields().end() || !items->second.has_list_value()) {
    return absl::InvalidArgumentError("\"items\" is missing or no list");
  }
  return items->second.list_value();
}

std::string TextIn(const Value& value, const std::string& field) {
  const auto at = value.struct_value().fields().find(field);
  return at == value.struct_value().fields().end() ? "" : at->second.string_value();
}

// Its place in the list and, as far as it can be told, its kind and name.
std::string PlaceOf(int index, const Value& item) {
  std::string place = absl::StrCat("items[", index, "]");
  for (const auto& [kind, contents] : item.struct_value().fields()) {
    const std::string name = TextIn(contents, kind == "route" ? "prefix" : "name");
    absl::StrAppend(&place, " (", kind, " \"", name, "\")");
  }
  return place;
}

const std::string& OwnerOf(const api::Object& object) {
  switch (object.object_case()) {
    case api::Object::kPort:
      return object.port().owner();
    case api::Object::kEndpoint:
      return object.endpoint().owner();
    case api::Object::kService:
      return object.service().owner();
    case api::Object::kWorkload:
      return object.workload().owner();
    case api::Object::kPolicy:
      return object.policy().owner();
    case api::Object::kCluster:
      return object.cluster().owner();
    default:
      return object.route().owner();
  }
}

absl::StatusOr<api::Object> ParseObject(int index, const Value& item) {
  api::Object object;
  const absl::Status status = FromValue(item, &object);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(PlaceOf(index, item), ": ", status.message()));
  }
  if (object.object_case() == api::Object::OBJECT_NOT_SET) {
    return absl::InvalidArgumentError(
        absl::StrCat(PlaceOf(index, item),
                     ": is none of port, endpoint, route, service, workload, policy, cluster"));
  }
  return object;
}

}  // namespace

absl::StatusOr<ConfigFile> ParseConfig(const std::string& text) {
  const absl::StatusOr<Value> document = ParseDocument(text);
  if (!document.ok()) {
    return document.status();
  }
  const absl::StatusOr<ListValue> items = ItemsOf(*document);
  if (!items.ok()) {
    return items.status();
  }
  ConfigFile config;
  for (int i = 0; i < items->values_size(); ++i) {
    absl::StatusOr<api::Object> object = ParseObject(i, items->values(i));
    if (!object.ok()) {
      return object.status();
    }
    const std::string& owner = OwnerOf(*object);
    if (owner.empty() || owner == kOwner) {
      config.objects.push_back(*std::move(object));
    } else {
      ++config.left_out[owner];
    }
  }
  return config;
}

}  // namespace pollux::ctl
