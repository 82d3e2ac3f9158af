#include "control/vswitchctl/changes.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>

namespace pollux::ctl {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// The API's configuration has text, flags and 32-bit numbers only.
std::string ValueOf(const Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  if (field->is_repeated()) {
    std::vector<std::string> values;
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      values.push_back(reflection.GetRepeatedString(message, field, i));
    }
    return absl::StrJoin(values, ",");
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    return reflection.GetBool(message, field) ? "true" : "false";
  }
  return field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32
             ? absl::StrCat(reflection.GetUInt32(message, field))
             : reflection.GetString(message, field);
}

void AppendFields(const Message& message, const std::string& prefix, Fields* fields) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->name() == "status" || field->name() == "owner") {
      continue;
    }
    if (field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        AppendFields(reflection.GetRepeatedMessage(message, field, i),
                     absl::StrCat(prefix, field->name(), "[", i, "]."), fields);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AppendFields(reflection.GetMessage(message, field), absl::StrCat(prefix, field->name(), "."),
                   fields);
    } else {
      fields->emplace_back(prefix + field->name(), ValueOf(message, field));
    }
  }
}

const Message* ContentsOf(const api::Object& object) {
  switch (object.object_case()) {
    case api::Object::kPort:
      return &object.port();
    case api::Object::kEndpoint:
      return &object.endpoint();
    case api::Object::kRoute:
      return &object.route();
    case api::Object::kService:
      return &object.service();
    case api::Object::kWorkload:
      return &object.workload();
    case api::Object::kPolicy:
      return &object.policy();
    case api::Object::kCluster:
      return &object.cluster();
    case api::Object::OBJECT_NOT_SET:
      break;
  }
  return nullptr;
}

Fields FieldsOfObject(const api::Object& object) {
  const Message* contents = ContentsOf(object);
  Fields fields = contents == nullptr ? Fields{} : FieldsOf(*contents);
  std::erase_if(fields,
                [](const auto& field) { return field.first == "name" || field.first == "prefix"; });
  return fields;
}

std::string Differences(const Fields& before, const Fields& after) {
  std::map<std::string, std::pair<std::string, std::string>> values;
  for (const auto& [name, value] : before) {
    values[name].first = value;
  }
  for (const auto& [name, value] : after) {
    values[name].second = value;
  }
  std::vector<std::string> differences;
  for (const auto& [name, pair] : values) {
    const auto& [was, is] = pair;
    if (was != is) {
      differences.push_back(
          absl::StrCat(name, " ", was.empty() ? "unset" : was, " -> ", is.empty() ? "unset" : is));
    }
  }
  return absl::StrJoin(differences, "; ");
}

std::string Quoted(const std::string& kind, const std::string& name) {
  return absl::StrCat(kind, " \"", name, "\"");
}

}  // namespace

Fields FieldsOf(const Message& message) {
  Fields fields;
  AppendFields(message, "", &fields);
  return fields;
}

std::string NameOf(const api::Object& object) {
  switch (object.object_case()) {
    case api::Object::kPort:
      return Quoted("port", object.port().name());
    case api::Object::kEndpoint:
      return Quoted("endpoint", object.endpoint().name());
    case api::Object::kRoute:
      return Quoted("route", object.route().prefix());
    case api::Object::kService:
      return Quoted("service", object.service().name());
    case api::Object::kWorkload:
      return Quoted("workload", object.workload().name());
    case api::Object::kPolicy:
      return Quoted("policy", object.policy().name());
    case api::Object::kCluster:
      return "cluster";
    case api::Object::OBJECT_NOT_SET:
      break;
  }
  return "an object of no known kind";
}

std::string NameOf(const api::Key& key) {
  switch (key.key_case()) {
    case api::Key::kPort:
      return Quoted("port", key.port());
    case api::Key::kEndpoint:
      return Quoted("endpoint", key.endpoint());
    case api::Key::kRoute:
      return Quoted("route", key.route());
    case api::Key::kService:
      return Quoted("service", key.service());
    case api::Key::kWorkload:
      return Quoted("workload", key.workload());
    case api::Key::kPolicy:
      return Quoted("policy", key.policy());
    case api::Key::kCluster:
      return "cluster";
    case api::Key::KEY_NOT_SET:
      break;
  }
  return "an object of no known kind";
}

std::string Describe(const api::Change& change) {
  const api::Object& object = change.has_after() ? change.after() : change.before();
  const std::string what = absl::StrCat(change.action(), " ", NameOf(object));
  if (!change.has_after()) {
    return what;
  }
  return change.has_before()
             ? absl::StrCat(
                   what, ": ",
                   Differences(FieldsOfObject(change.before()), FieldsOfObject(change.after())))
             : absl::StrCat(
                   what, ": ",
                   absl::StrJoin(FieldsOfObject(change.after()), " ", absl::PairFormatter("=")));
}

void PrintChanges(const api::ApplyReply& reply, std::ostream& out) {
  for (const api::Change& change : reply.items()) {
    out << Describe(change) << '\n';
  }
  if (reply.items().empty()) {
    out << "nothing to change\n";
  }
  out << "revision " << reply.revision() << '\n';
}

namespace {

void ShowRemoved(const api::ApplyRequest& request, const api::ApplyReply& reply,
                 std::ostream& out) {
  for (const api::Key& key : request.remove()) {
    const std::string name = NameOf(key);
    const bool removed =
        std::any_of(reply.items().begin(), reply.items().end(),
                    [&](const api::Change& change) { return NameOf(change.before()) == name; });
    out << (removed ? "removed " : "there is no ") << name << '\n';
  }
  out << "revision " << reply.revision() << '\n';
}

}  // namespace

Action AddObject(std::shared_ptr<const api::Object> object) {
  return [object](Session& session) {
    api::ApplyRequest request;
    *request.add_put() = *object;
    request.set_create_only(true);
    const absl::StatusOr<api::ApplyReply> reply = session.api.Apply(request);
    if (reply.ok()) {
      session.output.Print(*reply, [&](std::ostream& out) {
        out << (reply->items().empty() ? NameOf(*object) + " is there already, just so"
                                       : Describe(reply->items(0)))
            << "\nrevision " << reply->revision() << '\n';
      });
    }
    return reply.status();
  };
}

Action RemoveObjects(std::shared_ptr<const api::ApplyRequest> request) {
  return [request](Session& session) {
    const absl::StatusOr<api::ApplyReply> reply = session.api.Apply(*request);
    if (reply.ok()) {
      session.output.Print(*reply, [&](std::ostream& out) { ShowRemoved(*request, *reply, out); });
    }
    return reply.status();
  };
}

}  // namespace pollux::ctl
